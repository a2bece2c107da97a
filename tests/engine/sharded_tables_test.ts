import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import type { Collectives } from "../../src/engine/cluster/collectives.ts";
import { gatherShardedRows } from "../../src/engine/sharded_tables.ts";
import {
  createTables,
  gatherFrom,
  rowCount,
  sliceRows,
  sumByRow,
  writeRows,
  writeSuccessive,
} from "../../src/engine/tables.ts";
import { forNative } from "../support/engines.ts";

const numbers = (tensor: tf.Tensor) => [...tensor.dataSync()];
const ids = (...rows: number[]) => tf.tensor1d(rows, "int32");

/** One of three processes, which gets only what it adds to a sum itself. */
const processOf = (rank: number) =>
  ({ size: 3, rank, sum: (tensor: tf.Tensor) => tf.clone(tensor) }) as unknown as Collectives;

const processes = [0, 1, 2].map(processOf);

/** Two tables whose rows tell their table and number: 105 is row 5 of the second table. */
function filled(process: Collectives): tf.Tensor2D[] {
  const tables = createTables([7, 8], 2, process);
  tables.forEach((table, index) => {
    const values = Array.from({ length: rowCount(table) * 2 }, (_, i) => 100 * index + (i >> 1));
    writeSuccessive(table, 0, tf.tensor2d(values.slice(0, 4), [2, 2]));
    writeSuccessive(table, 2, tf.tensor2d(values.slice(4), [rowCount(table) - 2, 2]));
  });
  return tables;
}

forNative("a process holds every n-th row of a sharded table", () => {
  tf.tidy(() => {
    const [first, second] = filled(processes[1]!);
    assertEquals([first!, second!].map(rowCount), [7, 8]);
    assertEquals([first!, second!].map(({ shape }) => shape), [[3, 2], [3, 2]]);
    // The first table has no row 7, but all processes have memory for as many rows.
    assertEquals(numbers(sliceRows(first!, 0, 3)), [1, 1, 4, 4, 0, 0]);
    assertEquals(numbers(sliceRows(second!, 1, 2)), [104, 104, 107, 107]);
  });
});

forNative("the rows that processes read of a sharded table add up, and others' rows are 0", () => {
  tf.tidy(() => {
    const wanted = tf.tensor2d([[6, 7], [2, 0], [6, 5]], [3, 2], "int32");
    const read = processes.map((process) => {
      const tables = filled(process);
      return { tables, ...gatherFrom(tables, wanted) };
    });
    assertEquals(read.map(({ rows }) => numbers(rows)), [
      [6, 6, 0, 0, 0, 0, 100, 100, 6, 6, 0, 0],
      [0, 0, 107, 107, 0, 0, 0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 105, 105],
    ]);
    // All processes number rows alike.
    for (const { numbers: found } of read) assertEquals(numbers(found), numbers(read[0]!.numbers));
    // 0 · NaN is NaN, so a row of another process must not be multiplied by 0.
    for (const { tables } of read) {
      const [table] = tables;
      writeRows(table!, ids(0, 1, 2), tf.fill([3, 2], NaN));
    }
    const own = read.map(({ tables }) => gatherFrom(tables, wanted).rows);
    assert(own.some((rows) => numbers(rows).some(Number.isNaN)));
    own.forEach((rows, process) =>
      numbers(rows).forEach((value, at) => {
        const row = numbers(wanted)[at >> 1]!;
        if (row % 3 !== process) assertEquals(value, 0);
      })
    );
  });
});

forNative("a number that is no row of a sharded table is refused by all processes", () => {
  tf.tidy(() => {
    for (const process of processes) {
      for (const wrong of [-1, 7, 8, 100]) {
        const [table] = filled(process);
        assertThrows(() => gatherFrom([table!], ids(0, wrong)), RangeError, `no row ${wrong}`);
      }
    }
  });
});

forNative("a process sums the gradients of the rows that it holds", () => {
  tf.tidy(() => {
    const gradients = tf.tensor2d([[1, 2], [3, 4], [NaN, 5], [7, 8]]);
    const tables = filled(processes[1]!);
    const { numbers: found } = gatherFrom(tables.slice(1), ids(4, 7, 0, 4));
    const sums = sumByRow(found as tf.Tensor1D, gradients, tables[0]!);
    // Places in the store: 3 rows of each table, and a spare row, which is 0.
    assertEquals(numbers(sums.ids), [4, 5, 6]);
    assertEquals(numbers(sums.values), [8, 10, 3, 4, 0, 0]);
    assertEquals(numbers(sums.rows), [104, 104, 107, 107, 0, 0]);
    assertEquals(sums.shards, processes[1]);
  });
});

forNative("rows of a sharded table are gathered in their order", () => {
  tf.tidy(() => {
    const held = processes.map((process) => filled(process)[0]!);
    const gather = (from: number, count: number) => {
      const parts = held.map((table) => sliceRows(table, from, count));
      const all = { ...processes[0], gather: () => tf.concat(parts) } as unknown as Collectives;
      return numbers(gatherShardedRows(filled(all)[0]!, { from, count }, "rows"));
    };
    assertEquals(gather(0, 2), [0, 1, 2, 3, 4, 5].flatMap((row) => [row, row]));
    // The last process has one row less.
    assertEquals(gather(2, 1), [6, 6]);
  });
});
