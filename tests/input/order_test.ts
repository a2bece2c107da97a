import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { LastBatch } from "../../src/pipeline/plan.ts";
import { createRandom } from "../../src/base/random.ts";
import {
  batchCount,
  batchRange,
  epochOrder,
  keyedPermutation,
  sampleRows,
  wholeOrder,
  windowOrder,
  windowsOf,
} from "../../src/input/order.ts";

const sorted = (rows: Iterable<number>) => [...rows].sort((a, b) => a - b);
const count = (length: number) => Array.from({ length }, (_, row) => row);

Deno.test("epochOrder() contains each row once, and depends only on seed and epoch", () => {
  for (const rows of [0, 1, 2, 1000]) assertEquals(sorted(epochOrder(rows, 3, 1)), count(rows));
  assertEquals(epochOrder(100, 3, 1), epochOrder(100, 3, 1));
  assert(epochOrder(100, 3, 1).join() !== epochOrder(100, 3, 2).join());
  assert(epochOrder(100, 3, 1).join() !== epochOrder(100, 4, 1).join());
});

Deno.test("epochOrder() returns all orders equally often", () => {
  const seen = new Map<string, number>();
  const draws = 6000;
  for (let epoch = 0; epoch < draws; epoch++) {
    const order = epochOrder(3, 1, epoch).join();
    seen.set(order, (seen.get(order) ?? 0) + 1);
  }
  assertEquals(seen.size, 6);
  // Pearson's statistic is above 20.5 once in a thousand (5 degrees of freedom); the seed is fixed.
  const expected = draws / 6;
  const statistic = [...seen.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  assert(statistic < 20.5, `${statistic}`);
});

Deno.test("sampleRows() chooses rows by the seed, in ascending order, each as likely as any other", () => {
  const chosen = sampleRows(1000, 150, 7);
  assertEquals([chosen.length, new Set(chosen).size], [150, 150]);
  assertEquals([...chosen], sorted(chosen));
  assertEquals(sampleRows(1000, 150, 7), chosen);
  assert(sampleRows(1000, 150, 8).join() !== chosen.join());
  assertEquals(sampleRows(5, 5, 1), Uint32Array.of(0, 1, 2, 3, 4));
  // Of 4000 draws of 3 in 10, each number should come up 1200 times, with a deviation of 29.
  const times = new Uint32Array(10);
  for (let seed = 0; seed < 4000; seed++) {
    for (const row of sampleRows(10, 3, seed)) times[row]! += 1;
  }
  assert(times.every((count) => Math.abs(count - 1200) < 116), `${times}`);
});

const ranges = (rows: number, size: number, last: LastBatch) =>
  Array.from(
    { length: batchCount(rows, { size, last }) },
    (_, batch) => batchRange(rows, { size, last }, batch),
  );

Deno.test("batchRange() keeps, merges or drops remaining rows", () => {
  assertEquals(ranges(9, 4, "keep"), [[0, 4], [4, 8], [8, 9]]);
  assertEquals(ranges(9, 4, "merge"), [[0, 4], [4, 9]]);
  assertEquals(ranges(10, 4, "merge"), [[0, 4], [4, 10]]);
  // A rest of more than half a batch is one of its own.
  assertEquals(ranges(11, 4, "merge"), [[0, 4], [4, 8], [8, 11]]);
  assertEquals(ranges(11, 4, "drop"), [[0, 4], [4, 8]]);
});

Deno.test("batchRange() returns the same batches in all modes if no rows remain", () => {
  for (const last of ["keep", "merge", "drop"] as const) {
    assertEquals(ranges(8, 4, last), [[0, 4], [4, 8]]);
    assertEquals(ranges(0, 4, last), []);
    assertEquals(ranges(2, 1, last), [[0, 1], [1, 2]]);
  }
});

Deno.test("batchRange() makes one batch of fewer rows than a batch, unless they are dropped", () => {
  assertEquals(ranges(3, 8, "keep"), [[0, 3]]);
  assertEquals(ranges(3, 8, "merge"), [[0, 3]]);
  assertEquals(ranges(3, 8, "drop"), []);
});

Deno.test("batchRange() merges a single remaining row for any batch size", () => {
  for (const size of [2, 3, 4, 64]) {
    const sizes = ranges(3 * size + 1, size, "merge").map(([start, end]) => end - start);
    assertEquals(sizes, [size, size, size + 1]);
  }
});

Deno.test("keyedPermutation() returns each number once, depending on its keys", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), fc.nat(), (rows, seed) => {
      const at = keyedPermutation(rows, createRandom(seed));
      assertEquals(sorted(count(rows).map(at)), count(rows));
    }),
    { numRuns: 50 },
  );
});

Deno.test("wholeOrder() of many rows needs no table and leaves no trace of the file's order", () => {
  const rows = 2 ** 32 - 5;
  const order = wholeOrder(rows, 3, 1);
  const some = order.at(1e9, 1e9 + 20_000);
  assertEquals(new Set(some).size, some.length);
  assertEquals(wholeOrder(rows, 3, 1).at(1e9 + 7, 1e9 + 9), some.slice(7, 9));
  assert(wholeOrder(rows, 3, 2).at(0, 50).join() !== wholeOrder(rows, 3, 1).at(0, 50).join());
  // Pearson's statistic of 16 parts is above 37.7 once in a thousand (15 degrees of freedom).
  const parts = new Float64Array(16);
  some.forEach((row) => parts[Math.floor(row / rows * 16)]! += 1);
  const expected = some.length / 16;
  const statistic = parts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  assert(statistic < 37.7, `${statistic}`);
  // Rows that follow one another have nothing to do with one another.
  let up = 0;
  for (let index = 1; index < some.length; index++) if (some[index]! > some[index - 1]!) up++;
  assert(Math.abs(up / some.length - 0.5) < 0.02, `${up}`);
});

Deno.test("windowsOf() contains each row once, for any sizes of record batches and windows", () => {
  const counts = fc.array(fc.nat(20), { maxLength: 30 });
  fc.assert(
    fc.property(counts, fc.integer({ min: 1, max: 100 }), fc.nat(), fc.nat(9), (...given) => {
      const [counts, most, seed, epoch] = given;
      const windows = windowsOf(counts, most, seed, epoch);
      assertEquals(windowsOf(counts, most, seed, epoch), windows);
      const batches = windows.flatMap(({ batches }) => batches);
      const filled = count(counts.length).filter((batch) => counts[batch]! > 0);
      assertEquals(sorted(batches), filled);
      let position = 0;
      for (const [number, { batches, start, end }] of windows.entries()) {
        const rows = batches.reduce((sum, batch) => sum + counts[batch]!, 0);
        assertEquals([start, end], [position, position + rows]);
        assert(rows <= most || batches.length === 1, `${rows}`);
        assertEquals(sorted(windowOrder(rows, seed, epoch, number)), count(rows));
        position = end;
      }
    }),
    { numRuns: 200 },
  );
});
