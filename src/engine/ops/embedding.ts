import * as tf from "@tensorflow/tfjs";
import { gatherRows } from "../tables.ts";

/**
 * Looks rows up in a table, by row numbers. The gradient is as large as the table: zero but for the
 * rows that were looked up, where it is the sum over all their uses. For tables with more than some
 * thousand rows declare the variable as a `table` and read it by `scope.lookup()`, which costs what
 * the rows that are touched cost.
 *
 * A row number that is not from 0 to rows − 1 throws, on both engines.
 *
 * @example
 * ```ts
 * import { ops } from "@rocket-launching/rocket/plugin";
 * import * as tf from "@tensorflow/tfjs";
 * import { assertEquals } from "@std/assert";
 *
 * await tf.setBackend("cpu");
 * const table = tf.tensor2d([[0, 1], [10, 11], [20, 21]]);
 * const rows = ops.embedding(table, tf.tensor2d([[2, 0]], [1, 2], "int32"));
 * assertEquals(rows.shape, [1, 2, 2]);
 * assertEquals([...rows.dataSync()], [20, 21, 0, 1]);
 * ```
 *
 * @param table The table `[rows, size]`, float32.
 * @param ids The row numbers, int32, of any shape.
 * @returns The rows `[...ids, size]`.
 * @throws {RangeError} If shapes or types do not fit.
 */
export function embedding(table: tf.Tensor2D, ids: tf.Tensor): tf.Tensor {
  if (table.rank !== 2 || ids.dtype !== "int32") {
    throw new RangeError(
      "embedding: the table must be [rows, size] and ids int32, and they are " +
        `[${table.shape}] and ${ids.dtype} [${ids.shape}]`,
    );
  }
  const [rows, size] = table.shape;
  return tf.customGrad((input, save) => {
    (save as tf.GradSaveFunc)([ids]);
    return {
      value: gatherRows(input as tf.Tensor, ids),
      gradFunc: (dy: tf.Tensor, [ids]: tf.Tensor[]) =>
        tf.tidy(() =>
          tf.unsortedSegmentSum(
            tf.reshape(dy, [-1, size]),
            tf.reshape(ids!, [-1]) as tf.Tensor1D,
            rows,
          )
        ),
    };
  })(table);
}
