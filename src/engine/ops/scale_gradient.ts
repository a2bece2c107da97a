import * as tf from "@tensorflow/tfjs";
import { stopGradient } from "./stop_gradient.ts";

/**
 * Returns a tensor with the same values and multiplies its gradient by a factor in the backward
 * pass.
 *
 * The factor 0 blocks the gradient (see {@linkcode stopGradient}), so the operations before `x` are
 * not even visited. The factor 1 returns `x` itself. Pass a factor that changes from step to step
 * as a scalar tensor, so that a captured step does not have to be captured again.
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
 * @param factor A finite number, or a float32 scalar, which receives no gradient.
 * @returns A tensor of the same shape.
 * @throws {RangeError} If the number is not finite, or the tensor is not a float32 scalar.
 */
export function scaleGradient<T extends tf.Tensor>(x: T, factor: number | tf.Scalar): T {
  if (factor === 1) return x;
  if (factor === 0) return stopGradient(x);
  if (typeof factor === "number") {
    if (!Number.isFinite(factor)) {
      throw new RangeError(`scaleGradient: the factor must be a finite number; got ${factor}`);
    }
    return tf.customGrad((x) => ({
      // It cannot be x itself, because a tensor that is its own origin would be a loop on the tape.
      value: stopGradient(x as tf.Tensor),
      gradFunc: (dy: tf.Tensor) => tf.mul(dy, factor),
    }))(x) as T;
  }
  if (factor.rank !== 0 || factor.dtype !== "float32") {
    throw new RangeError(
      `scaleGradient: the factor must be a float32 scalar; got ${factor.dtype} of shape ` +
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
