/**
 * Checks of row numbers and labels that the kernels of a CPU make, and those of a GPU do not: on a
 * GPU, a row that does not exist reads as zeros, without an error.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { select } from "./ops/select.ts";

let isNeeded = false;

/**
 * Turns the checks on or off.
 *
 * @param needed Whether the kernels do not check ranges themselves.
 */
export function setRangeChecks(needed: boolean): void {
  isNeeded = needed;
}

/** Whether operations have to check ranges, because the kernels do not. */
export function needsRangeChecks(): boolean {
  return isNeeded;
}

/**
 * Replaces rows by NaN whose numbers are not in a table. A captured graph cannot throw an error, but
 * the loss becomes NaN, and Rocket then repeats the step op by op to find the cause.
 *
 * @param rows The rows `[...numbers, size]`, float32.
 * @param numbers The row numbers, int32.
 * @param count The number of rows of the table.
 * @returns The rows, with NaN for numbers that are not from 0 to count − 1.
 */
export function orNaN(rows: tf.Tensor, numbers: tf.Tensor, count: number): tf.Tensor {
  return tf.tidy(() => {
    const within = tf.logicalAnd(
      tf.greaterEqual(numbers, tf.scalar(0, "int32")),
      tf.less(numbers, tf.scalar(count, "int32")),
    );
    return select(tf.expandDims(within, -1), rows, tf.scalar(NaN), "float32");
  });
}
