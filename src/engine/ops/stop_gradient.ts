import * as tf from "@tensorflow/tfjs";

/**
 * Returns a tensor with the same values and blocks its gradient. The values are shared, not copied.
 *
 * It turns a booster's logits into constants for the hint loss: "gradient block" in section 3.3 of
 * Rocket Launching (arXiv:1708.04106).
 *
 * @example
 * ```ts
 * import { ops } from "@rocket-launching/rocket/plugin";
 * import * as tf from "@tensorflow/tfjs";
 * import { assertEquals } from "@std/assert";
 *
 * await tf.setBackend("cpu");
 * const gradient = tf.grad((x) => tf.mul(x, ops.stopGradient(x)));
 * assertEquals(gradient(tf.tensor1d([3])).dataSync()[0], 3); // not 6
 * ```
 *
 * @typeParam T The tensor's type.
 * @param x A tensor of any shape and type.
 * @returns A new tensor of the same shape and type, which the caller disposes of.
 */
export function stopGradient<T extends tf.Tensor>(x: T): T {
  const engine = tf.engine();
  engine.backend.incRef(x.dataId);
  return engine.makeTensorFromTensorInfo(
    { dataId: x.dataId, shape: x.shape, dtype: x.dtype },
  ) as T;
}
