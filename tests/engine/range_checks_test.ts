import { assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { CapturedFunction } from "../../src/engine/capture/capture.ts";
import * as ops from "../../src/engine/ops.ts";
import { orNaN, setRangeChecks } from "../../src/engine/range_checks.ts";
import { createTables, gatherFrom, writeRows } from "../../src/engine/tables.ts";
import { forNative, leftBehind } from "../support/engines.ts";

/** Runs a function with the checks that a GPU needs. A CPU computes the same with them. */
async function withChecks(body: () => void | Promise<void>): Promise<void> {
  setRangeChecks(true);
  try {
    await body();
  } finally {
    setRangeChecks(false);
  }
}

interface Input {
  readonly both: tf.Tensor;
  readonly labels: tf.Tensor;
  readonly tables: tf.Tensor[];
}

const ids = (...rows: number[]) => tf.tensor1d(rows, "int32");

forNative("orNaN() makes rows NaN whose numbers are not in the table", () => {
  const left = leftBehind(() =>
    tf.tidy(() => {
      const rows = tf.tensor2d([[1, 2], [3, 4], [5, 6], [7, 8]]);
      assertEquals([...orNaN(rows, ids(0, 3, -1, 2), 3).dataSync()], [
        ...[1, 2, NaN, NaN, NaN, NaN, 7, 8],
      ]);
    }) as unknown as tf.TensorContainer
  );
  assertEquals(left, 0);
});

forNative("gatherFrom() with range checks names a row that is in no table", async () => {
  await withChecks(() =>
    void tf.tidy(() => {
      const tables = createTables([3, 2], 2);
      assertThrows(
        () => gatherFrom(tables, tf.tensor2d([[0, 1], [2, 2]], [2, 2], "int32")),
        RangeError,
        "there is no row 2 in a table of 2 rows, from 0 to 1",
      );
      assertThrows(
        () => ops.embedding(tf.zeros([3, 2]), ids(1, -1)),
        RangeError,
        "there is no row -1 in a table of 3 rows",
      );
      tf.dispose(tables);
    })
  );
});

forNative("softmaxCrossEntropy() with range checks names a label that is not a class", async () => {
  await withChecks(() =>
    void tf.tidy(() => {
      const logits = tf.zeros([2, 3]) as tf.Tensor2D;
      for (const label of [3, -1]) {
        assertThrows(
          () => ops.softmaxCrossEntropy(logits, ids(0, label)),
          RangeError,
          `received a label value of ${label}, which is outside the valid range of [0, 3)`,
        );
      }
    })
  );
});

forNative("captured lookups and losses with range checks compute the same bytes", async () => {
  const rows = 20, labels = tf.range(0, rows, 1, "int32").mod(tf.scalar(3, "int32"));
  const both = tf.tensor2d(
    Array.from({ length: rows * 2 }, (_, at) => at % 2 ? at % 5 : at % 4),
    [rows, 2],
    "int32",
  );
  const compute = () => {
    const tables = createTables([4, 5], 3);
    const reports: (string | undefined)[] = [];
    const captured = new CapturedFunction(({ both, labels, tables }: Input) => {
      const found = tf.reshape(gatherFrom(tables, both).rows, [-1, 6]);
      const more = ops.embedding(tf.tensor2d([[1, 2, 3], [4, 5, 7], [7, 8, 9]]), labels);
      const logits = tf.add(tf.slice(found, [0, 0], [-1, 3]), more) as tf.Tensor2D;
      return { losses: ops.softmaxCrossEntropy(logits, labels as tf.Tensor1D) };
    }, {
      rows: ({ both, labels }) => [both, labels],
      report: ({ captured, reason }) => reports.push(captured ? "captured" : reason),
    });
    tables.forEach((table, index) => {
      const count = table.shape[0];
      const values = tf.sin(tf.range(index, index + count * 3)).reshape([count, 3]);
      writeRows(table, tf.range(0, count, 1, "int32"), values);
    });
    const losses = [...captured.call({ both, labels, tables }).losses.dataSync()];
    captured.dispose();
    tf.dispose(tables);
    return { losses, reports };
  };
  const without = compute();
  assertEquals(without.reports, ["captured"]);
  await withChecks(() => assertEquals(compute(), without));
  tf.dispose([labels, both]);
});
