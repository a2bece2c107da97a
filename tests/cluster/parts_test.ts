import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { Batch } from "../../src/stages/batch.ts";
import type { Term } from "../../src/train/objective.ts";
import { partsOfProcess } from "../../src/train/parts.ts";

const batchOf = (rows: number, weights?: readonly number[]): Batch => ({
  size: rows,
  features: { x: { values: Float32Array.from({ length: rows }, (_, row) => row), shape: [] } },
  label: { values: new Float32Array(rows), shape: [] },
  ...(weights && { weight: { values: Float32Array.from(weights), shape: [] } }),
});

const partsOf = (batch: Batch, count: number, most = batch.size) =>
  Array.from(
    { length: count },
    (_, index) => partsOfProcess(batch, most, { index, count, stops: false }, { terms: [] }),
  );

const rowsIn = ({ features }: Batch) => [...features.x!.values];

Deno.test("partsOfProcess() gives each row of a batch to one process, in order", () => {
  const all = partsOf(batchOf(10), 3).flat();
  assertEquals(all.map(({ batch }) => rowsIn(batch)), [[0, 1, 2], [3, 4, 5], [6, 7, 8, 9]]);
  assertEquals(all.map(({ process }) => process!.layout), [[1, 0], [1, 0], [1, 0]]);
  assertEquals(all.map(({ rows }) => rows), [0.3, 0.3, 0.4]);
  // The parts of a process, which draw different numbers.
  const parts = partsOf(batchOf(10), 2, 3);
  assertEquals(parts.flat().map(({ batch }) => rowsIn(batch)), [[0, 1], [2, 3, 4], [5, 6], [
    7,
    8,
    9,
  ]]);
  assertEquals(parts.flat().map(({ index }) => index), [0, 1, 2, 3]);
});

Deno.test("partsOfProcess() counts rows by their weights in the whole batch", () => {
  const all = partsOf(batchOf(4, [1, 2, 3, 4]), 2).flat();
  all.forEach(({ weights }, index) => assertAlmostEquals(weights, [0.3, 0.7][index]!, 1e-7));
});

Deno.test("partsOfProcess() gives a process without rows the first row, which does not count", () => {
  const all = partsOf(batchOf(2), 3).flat();
  assertEquals(all.map(({ batch }) => rowsIn(batch)), [[0], [0], [1]]);
  assertEquals(all.map(({ rows, weights }) => [rows, weights]), [[0, 0], [0.5, 0.5], [0.5, 0.5]]);
  assertEquals(all.map(({ process }) => process!.layout), [[2, 1], [2, 0], [2, 0]]);
});

Deno.test("partsOfProcess() numbers the values of a column alike in all processes", () => {
  const columns = { user: { values: Float64Array.of(2 ** 40, 7, 7, 2 ** 40, 5), shape: [] } };
  const terms = [{ columns: ["user"] } as unknown as Term];
  const numbers = [0, 1].flatMap((index) =>
    partsOfProcess({ ...batchOf(5), columns }, 5, { index, count: 2, stops: false }, { terms })
      .flatMap(({ batch }) => [...batch.columns!.user!.values])
  );
  assertEquals(numbers, [0, 1, 1, 0, 2]);
});
