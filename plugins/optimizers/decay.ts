import { tf } from "../../plugin.ts";

/**
 * Adds weight decay to a gradient: the gradient of an L2 penalty, as `weight_decay` in PyTorch
 * does.
 *
 * @param gradient The gradient.
 * @param value The variable's value.
 * @param weightDecay The factor that multiplies the value in its gradient.
 */
export function decayed(gradient: tf.Tensor, value: tf.Tensor, weightDecay: number): tf.Tensor {
  return weightDecay === 0 ? gradient : tf.add(gradient, tf.mul(value, weightDecay));
}
