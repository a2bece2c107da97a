/**
 * Lists of table rows that the processes of a cluster exchange. A batch reads many rows several
 * times, so each process lists each of its rows once. The number of different rows is another one in
 * each process and each step, but a message has the same size in all processes. The processes
 * therefore agree on a length, which is rounded up, because TensorFlow keeps something for each size
 * of a message.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";

/** The number of rows to whose multiples the lengths of lists are rounded up. */
const STEP = 1024;

/** The length of the lists of all processes. */
export interface ListLength {
  /** The number of rows, int32. */
  readonly rows: tf.Scalar;
  /** The same number in steps of {@linkcode STEP}, int32: a small number for each size of a message. */
  readonly steps: tf.Scalar;
}

/**
 * Returns what a process tells the others about its list: the sum over all processes consists of the
 * lengths of their lists.
 *
 * @param count The length of the list of this process, int32.
 * @param process The number of this process, and the number of processes.
 * @returns The length at the place of this process, `[size]`, float32, and otherwise 0.
 */
export function ownLength(
  count: tf.Scalar,
  { rank, size }: { readonly rank: number; readonly size: number },
): tf.Tensor1D {
  const isOwn = tf.tensor1d(Array.from({ length: size }, (_, process) => process === rank ? 1 : 0));
  return tf.mul(isOwn, tf.cast(count, "float32"));
}

/**
 * Returns the common length of the lists of all processes: that of the longest one, rounded up.
 *
 * @param lengths The length of the list of each process, `[size]`, float32.
 */
export function commonLength(lengths: tf.Tensor1D): ListLength {
  const steps = tf.cast(tf.ceil(tf.div(tf.max(lengths), STEP)), "int32") as tf.Scalar;
  return { steps, rows: tf.mul(steps, tf.scalar(STEP, "int32")) };
}
