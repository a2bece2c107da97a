import * as tf from "@tensorflow/tfjs";
import { stopGradient } from "./stop_gradient.ts";

/**
 * A tensor with the same values whose gradient is multiplied by a factor on its way back.
 *
 * The number 0 blocks the gradient ({@linkcode stopGradient}), and what is before `x` is not even
 * visited; the number 1 gives `x` itself. A factor that changes from step to step is a scalar
 * tensor, an input like the others, so that a captured step need not be captured again.
 *
 * @example
 * ```ts
 * import { ops } from "@rocket-launching/rocket/plugin";
 * import * as tf from "@tensorflow/tfjs";
 * import { assertEquals } from "@std/assert";
 *
 * await tf.setBackend("cpu");
 * const gradient = tf.grad((x) => ops.scaleGradient(tf.square(x), 0.5));
 * assertEquals(gradient(tf.tensor1d([3])).dataSync()[0], 3); // not 6
 * ```
 *
 * @typeParam T The tensor's type.
 * @param x A float32 tensor of any shape.
 * @param factor A finite number, or a float32 scalar, which no gradient reaches.
 * @returns A tensor of the same shape.
 * @throws {RangeError} If the number is not finite, or the tensor is not a float32 scalar.
 */
export function scaleGradient<T extends tf.Tensor>(x: T, factor: number | tf.Scalar): T {
  if (factor === 1) return x;
  if (factor === 0) return stopGradient(x);
  if (typeof factor === "number") {
    if (!Number.isFinite(factor)) {
      throw new RangeError(`scaleGradient: the factor must be a finite number, and is ${factor}`);
    }
    return tf.customGrad((x) => ({
      // Not x itself: a tensor that is its own origin would be a loop on the tape.
      value: stopGradient(x as tf.Tensor),
      gradFunc: (dy: tf.Tensor) => tf.mul(dy, factor),
    }))(x) as T;
  }
  if (factor.rank !== 0 || factor.dtype !== "float32") {
    throw new RangeError(
      `scaleGradient: the factor must be a float32 scalar, and is ${factor.dtype} of shape ` +
        `[${factor.shape}]`,
    );
  }
  return tf.customGrad((x, save) => {
    (save as tf.GradSaveFunc)([factor]);
    return {
      value: stopGradient(x as tf.Tensor),
      gradFunc: (dy: tf.Tensor, [factor]: tf.Tensor[]) => tf.mul(dy, factor!),
    };
  })(x) as T;
}
