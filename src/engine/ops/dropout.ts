import * as tf from "@tensorflow/tfjs";
import { statelessUniform } from "../kernels/stateless_uniform.ts";
import { isNative, nativeOp } from "./native_op.ts";

/**
 * Sets each value to 0 with the probability `rate`, and divides the others by 1 − rate, so that the
 * expected value does not change. Use it only in training, not in evaluation.
 *
 * On one engine, the seed and the shape alone determine which values become 0. The native engine
 * and the other engines draw different numbers. Pass a seed that changes from step to step as a
 * scalar tensor, so that it is an input of a captured step.
 *
 * @example
 * ```ts
 * import { ops } from "@rocket-launching/rocket/plugin";
 * import * as tf from "@tensorflow/tfjs";
 * import { assertEquals } from "@std/assert";
 *
 * await tf.setBackend("cpu");
 * const x = tf.ones([1000]);
 * const first = ops.dropout(x, 0.5, 7).dataSync();
 * assertEquals(new Set(first), new Set([0, 2]));
 * assertEquals(ops.dropout(x, 0.5, 7).dataSync(), first);
 * ```
 *
 * @typeParam T The tensor's type.
 * @param x A float32 tensor of any shape.
 * @param rate The probability of setting a value to 0, at least 0 and below 1.
 * @param seed An integer, of which the lowest 32 bits are used, or an int32 scalar.
 * @returns A tensor of the same shape; `x` itself if the rate is 0.
 * @throws {RangeError} If the rate or the seed is out of range.
 */
export function dropout<T extends tf.Tensor>(x: T, rate: number, seed: number | tf.Scalar): T {
  if (!(rate >= 0 && rate < 1)) {
    throw new RangeError(`dropout: the rate must be at least 0 and below 1; got ${rate}`);
  }
  if (typeof seed === "number" ? !Number.isSafeInteger(seed) : seed.rank > 0) {
    throw new RangeError(`dropout: the seed must be an integer or a scalar tensor; got ${seed}`);
  }
  if (typeof seed === "object" && seed.dtype !== "int32") {
    throw new RangeError(`dropout: the seed must be an int32 scalar; got ${seed.dtype}`);
  }
  if (rate === 0) return x;
  return tf.customGrad((input, save) => {
    const scalar = typeof seed === "number" ? tf.scalar(seed | 0, "int32") : seed;
    const kept = tf.greaterEqual(uniform(x.shape, scalar), rate);
    const factors = tf.mul(tf.cast(kept, "float32"), 1 / (1 - rate));
    (save as tf.GradSaveFunc)([factors]);
    return {
      value: tf.mul(input as tf.Tensor, factors),
      gradFunc: (dy: tf.Tensor, [factors]: tf.Tensor[]) => tf.mul(dy, factors!),
    };
  })(x) as T;
}

/** Draws numbers in [0, 1) from a seed. */
function uniform(shape: number[], seed: tf.Scalar): tf.Tensor {
  if (!isNative()) return statelessUniform(shape, seed);
  return nativeOp(
    "StatelessRandomUniform",
    { dtype: { type: "float32" }, T: { type: "int32" }, Tseed: { type: "int32" } },
    // TensorFlow's seed consists of two numbers; the second one is 0.
    [tf.tensor1d(shape, "int32"), tf.stack([seed, tf.scalar(0, "int32")])],
    1,
  )[0]!;
}
