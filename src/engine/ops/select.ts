import type * as tf from "@tensorflow/tfjs";
import { nativeOp } from "./native_op.ts";

/**
 * Chooses between the values of two tensors on the native engine, bypassing tfjs's tape. Unlike
 * `tf.where()`, it broadcasts all three tensors. Values that are not chosen have no influence, even
 * if they are NaN.
 *
 * @param condition Where to take values of `then`, bool.
 * @param then The values where the condition is true.
 * @param otherwise The values where it is false.
 * @param type The type of both.
 */
export function select(
  condition: tf.Tensor,
  then: tf.Tensor,
  otherwise: tf.Tensor,
  type: "int32" | "float32",
): tf.Tensor {
  return nativeOp("SelectV2", { T: { type } }, [condition, then, otherwise], 1)[0]!;
}
