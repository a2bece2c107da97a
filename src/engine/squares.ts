import * as tf from "@tensorflow/tfjs";
import { heapOf } from "./kernels/wasm_heap.ts";
import { isNative, nativeOp } from "./ops/native_op.ts";

const float32 = { T: { type: "float32" } } as const;

/**
 * Computes the sum of the squares of all numbers of some tensors. The gradient of the sum is not
 * defined. The sum is NaN or infinite if any number is, and infinite if it exceeds the range of
 * float32, about 3.4e38.
 *
 * @param tensors The tensors, float32, of any shapes. An empty list has the sum 0.
 * @returns The sum.
 */
export function sumOfSquares(tensors: readonly tf.Tensor[]): tf.Scalar {
  if (tensors.length === 0) return tf.scalar(0);
  if (!isNative()) return tf.scalar(tensors.reduce((sum, tensor) => sum + heapSquares(tensor), 0));
  return tf.tidy(() => {
    // This needs one pass over the numbers and no extra memory, whereas tf.square() would store all
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
