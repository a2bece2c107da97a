import * as tf from "@tensorflow/tfjs";
import { gatherRows } from "../tables.ts";

/**
 * Reads rows of a table by their numbers. The gradient is as large as the table: it is the sum over
 * all uses for rows that were read, and zero for the others. For a table with more than a few
 * thousand rows, declare the variable as a `table` and read it with `scope.lookup()`; the cost then
 * depends only on the number of rows that are read.
 *
 * On all engines, a row number that is not from 0 to rows − 1 throws an error. In a captured graph on
 * a GPU, the row is NaN instead.
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
 * @throws {RangeError} If the shapes or types are invalid.
 */
export function embedding(table: tf.Tensor2D, ids: tf.Tensor): tf.Tensor {
  if (table.rank !== 2 || ids.dtype !== "int32") {
    throw new RangeError(
      "embedding: the table must be [rows, size] and the ids int32; got " +
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
