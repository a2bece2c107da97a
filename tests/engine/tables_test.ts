import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import {
  createTables,
  gatherFrom,
  gatherRows,
  isStored,
  sliceRows,
  storeOf,
  writeRows,
} from "../../src/engine/tables.ts";
import { forEachEngine, forNative, leftBehind } from "../support/engines.ts";

const ids = (...rows: number[]) => tf.tensor1d(rows, "int32");
const numbers = (tensor: tf.Tensor) => [...tensor.dataSync()];

/** Three tables whose rows tell their table and number: 101 is row 1 of the second table. */
function filled(): tf.Tensor2D[] {
  const tables = createTables([3, 2, 4], 2);
  tables.forEach((table, index) => {
    const rows = table.shape[0];
    const values = Array.from({ length: rows * 2 }, (_, i) => 100 * index + Math.floor(i / 2));
    writeRows(table, tf.range(0, rows, 1, "int32"), tf.tensor2d(values, [rows, 2]));
  });
  return tables;
}

forEachEngine("createTables() creates tables that are read and written on their own", () => {
  assertEquals(
    leftBehind(() => {
      const tables = tf.tidy(() => {
        const tables = filled().map((table) => tf.keep(table));
        writeRows(tables[1]!, ids(0), tf.tensor2d([[7, 8]]));
        assertEquals(tables.map(numbers), [
          [0, 0, 1, 1, 2, 2],
          [7, 8, 101, 101],
          [200, 200, 201, 201, 202, 202, 203, 203],
        ]);
        assertEquals(tables.map(({ shape, dtype }) => [shape, dtype]), [
          [[3, 2], "float32"],
          [[2, 2], "float32"],
          [[4, 2], "float32"],
        ]);
        assertEquals(numbers(gatherRows(tables[2]!, ids(3, 0, 3))), [203, 203, 200, 200, 203, 203]);
        assertEquals(numbers(sliceRows(tables[2]!, 1, 2)), [201, 201, 202, 202]);
        tables[0]!.dispose();
        assertEquals(numbers(tables[1]!), [7, 8, 101, 101]);
        return tables;
      });
      tf.dispose(tables);
    }),
    0,
  );
});

forNative("gatherFrom() reads rows of several tables of a store at once", () => {
  tf.tidy(() => {
    const tables = filled();
    assertEquals(new Set(tables.map(storeOf)).size, 1);
    assertEquals(tables.map(isStored), [true, true, true]);
    const columns = tf.tensor2d([[2, 0, 1], [0, 1, 3]], [2, 3], "int32");
    const { rows, numbers: found } = gatherFrom(tables, columns);
    assertEquals(rows.shape, [2, 3, 2]);
    assertEquals(numbers(rows), [2, 2, 100, 100, 201, 201, 0, 0, 101, 101, 203, 203]);
    assertEquals(numbers(found), [2, 3, 6, 0, 4, 8]);
  });
});

forEachEngine("gatherRows() refuses a row number that is not in the table", () => {
  tf.tidy(() => {
    const tables = filled();
    for (const table of tables) {
      const [rows] = table.shape;
      for (const wrong of [-1, rows, rows + 100]) {
        assertThrows(() => gatherRows(table, ids(0, wrong)).dataSync(), Error);
      }
    }
  });
});

forNative("gatherFrom() names the row number that is not in its table", () => {
  tf.tidy(() => {
    const columns = tf.tensor2d([[2, 0, 1], [0, 2, 3]], [2, 3], "int32");
    assertThrows(
      () => gatherFrom(filled(), columns),
      RangeError,
      "there is no row 2 in a table of 2 rows, from 0 to 1",
    );
  });
});

forNative("The memory of a store is freed with its last table", () => {
  const megabytes = () => Deno.memoryUsage().rss / 2 ** 20;
  // 40 MB in two tables, which are disposed of one after the other.
  const makeAndDispose = () => {
    for (const table of createTables([500_000, 500_000], 10)) table.dispose();
  };
  makeAndDispose();
  const before = megabytes();
  for (let time = 0; time < 12; time++) makeAndDispose();
  assert(megabytes() - before < 200, `${megabytes() - before} MB`);
});
