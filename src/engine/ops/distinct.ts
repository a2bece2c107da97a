/**
 * Operations of the native engine on lists of row numbers. They bypass tfjs's tape.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { nativeOp } from "./native_op.ts";

const FLOAT32 = { type: "float32" } as const, INT32 = { type: "int32" } as const;

/** The row numbers of a list, each once. */
export interface Distinct {
  /** The row numbers, `[distinct]`, int32. */
  readonly ids: tf.Tensor1D;
  /** The place in `ids` of each number of the list, `[list]`, int32. */
  readonly places: tf.Tensor1D;
  /** The length of `ids`, int32; only TensorFlow knows it, because it changes from step to step. */
  readonly count: tf.Scalar;
}

/**
 * Removes duplicates from a list of row numbers.
 *
 * @param ids The list, int32.
 */
export function distinct(ids: tf.Tensor1D): Distinct {
  const [rows, places] = nativeOp("Unique", { T: INT32, out_idx: INT32 }, [ids], 2);
  const [count] = nativeOp("Size", { T: INT32, out_type: INT32 }, [rows!], 1);
  return {
    ids: rows as tf.Tensor1D,
    places: places as tf.Tensor1D,
    count: count as tf.Scalar,
  };
}

/**
 * Adds rows that have the same place.
 *
 * @param values The rows `[list, size]`, float32.
 * @param places The place of each row, `[list]`, int32.
 * @param count The number of places, int32.
 * @returns The sums `[count, size]`; 0 for places without rows.
 */
export function sumByPlace(
  values: tf.Tensor2D,
  places: tf.Tensor1D,
  count: tf.Scalar,
): tf.Tensor2D {
  const attributes = { T: FLOAT32, Tindices: INT32, Tnumsegments: INT32 };
  return nativeOp("UnsortedSegmentSum", attributes, [values, places, count], 1)[0] as tf.Tensor2D;
}

/**
 * Reads rows of a tensor. TensorFlow checks the numbers; `tf.gather()` of tfjs-node would read them
 * back in order to check them, so that a step could not be captured.
 *
 * @param values The tensor `[rows, size]`, float32.
 * @param numbers The row numbers, int32, of any shape.
 * @returns The rows `[...numbers, size]`.
 */
export function rowsAt(values: tf.Tensor, numbers: tf.Tensor): tf.Tensor {
  const attributes = { Tparams: FLOAT32, Tindices: INT32, Taxis: INT32, batch_dims: { int: 0 } };
  return nativeOp("GatherV2", attributes, [values, numbers, tf.scalar(0, "int32")], 1)[0]!;
}

/**
 * Reads the bits of row numbers as float32 numbers, which are only to be copied.
 *
 * @param ids The row numbers, int32.
 */
export function asFloat32(ids: tf.Tensor): tf.Tensor {
  return nativeOp("Bitcast", { T: INT32, type: FLOAT32 }, [ids], 1)[0]!;
}

/**
 * Reads the bits of float32 numbers from {@linkcode asFloat32} as row numbers.
 *
 * @param values The numbers.
 */
export function asInt32(values: tf.Tensor): tf.Tensor1D {
  return nativeOp("Bitcast", { T: FLOAT32, type: INT32 }, [values], 1)[0] as tf.Tensor1D;
}

/**
 * Makes a list of row numbers longer by repeating its first number.
 *
 * @param list The list; it is not empty.
 * @param length The length of the result, int32; at least that of the list.
 * @returns The longer list, `[length]`.
 */
export function lengthened({ ids, count }: Distinct, length: tf.Scalar): tf.Tensor1D {
  const more = tf.sub(length, count);
  const paddings = tf.reshape(tf.stack([tf.zerosLike(more), more]), [1, 2]);
  const first = tf.reshape(tf.slice1d(ids, 0, 1), []);
  const attributes = { T: INT32, Tpaddings: INT32 };
  return nativeOp("PadV2", attributes, [ids, paddings, first], 1)[0] as tf.Tensor1D;
}
