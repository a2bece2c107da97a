/**
 * How large tensors are and whether their numbers are finite, at a cost that steps do not feel.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { heapOf } from "./kernels/wasm_heap.ts";
import { isNative, nativeOp } from "./ops/native_op.ts";

const float32 = { T: { type: "float32" } } as const;

/**
 * The sum of the squares of all numbers of some tensors, without a gradient: NaN or infinite if any
 * of them is, and infinite where the sum is beyond float32, about 3.4e38.
 *
 * @param tensors The tensors, float32, of any shapes; none have the sum 0.
 * @returns The sum.
 */
export function sumOfSquares(tensors: readonly tf.Tensor[]): tf.Scalar {
  if (tensors.length === 0) return tf.scalar(0);
  if (!isNative()) return tf.scalar(tensors.reduce((sum, tensor) => sum + heapSquares(tensor), 0));
  return tf.tidy(() => {
    // One pass over the numbers that keeps nothing, where a square and a sum would keep the
    // squares.
    const halves = tensors.map((tensor) => nativeOp("L2Loss", float32, [tensor], 1)[0]!);
    return tf.mul(tf.addN(halves), 2) as tf.Scalar;
  });
}

function heapSquares(tensor: tf.Tensor): number {
  let sum = 0;
  for (const value of heapOf(tf.backend()).views(tensor)[0]!) sum += value * value;
  return sum;
}

/**
 * Whether all numbers of some small tensors are finite, without a gradient.
 *
 * @param tensors The tensors, float32.
 * @returns A boolean scalar.
 */
export function allFinite(tensors: readonly tf.Tensor[]): tf.Scalar {
  return tf.tidy(() => {
    const flat = tf.concat(tensors.map((tensor) => tf.reshape(tensor, [-1])));
    return tf.all(tf.isFinite(flat)) as tf.Scalar;
  });
}

/**
 * One of two tensors, without a gradient.
 *
 * @param condition Which: a boolean scalar.
 * @param yes What is chosen where it holds, float32.
 * @param no What is chosen else, of the same shape.
 * @returns The one that is chosen; in the wasm engine it is the same tensor.
 */
export function choose(condition: tf.Scalar, yes: tf.Tensor, no: tf.Tensor): tf.Tensor {
  if (!isNative()) return condition.dataSync()[0] ? yes : no;
  // tfjs's `where` would spread the condition over all numbers; this op copies one side as it is.
  return nativeOp("Select", float32, [condition, yes, no], 1)[0]!;
}
