import { tf } from "../../plugin.ts";

/**
 * The gradient with that of an L2 penalty added, as PyTorch's `weight_decay` does.
 *
 * @param gradient The gradient.
 * @param value The variable's value.
 * @param weightDecay The penalty's factor.
 */
export function decayed(gradient: tf.Tensor, value: tf.Tensor, weightDecay: number): tf.Tensor {
  return weightDecay === 0 ? gradient : tf.add(gradient, tf.mul(value, weightDecay));
}
