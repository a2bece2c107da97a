/**
 * Keeps numbers that are not finite out of the state, at a negligible cost per step.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { isNative, nativeOp } from "./ops/native_op.ts";

/**
 * Checks whether all numbers of some small tensors are finite. Its gradient is not defined.
 *
 * @param tensors The tensors, float32.
 * @returns Whether all numbers are finite, as a boolean scalar.
 */
export function allFinite(tensors: readonly tf.Tensor[]): tf.Scalar {
  return tf.tidy(() => {
    const flat = tf.concat(tensors.map((tensor) => tf.reshape(tensor, [-1])));
    return tf.all(tf.isFinite(flat)) as tf.Scalar;
  });
}

/**
 * Returns `yes` if a condition is true, and `no` otherwise. Its gradient is not defined.
 *
 * @param condition The condition, a boolean scalar.
 * @param yes The tensor for a true condition, float32.
 * @param no The tensor for a false condition, of the same shape.
 * @returns The selected tensor; on the wasm engine it is the same tensor object.
 */
export function choose(condition: tf.Scalar, yes: tf.Tensor, no: tf.Tensor): tf.Tensor {
  if (!isNative()) return condition.dataSync()[0] ? yes : no;
  // tfjs's `where` would broadcast the condition to all numbers. This op copies one side as a
  // whole.
  return nativeOp("Select", { T: { type: "float32" } }, [condition, yes, no], 1)[0]!;
}
