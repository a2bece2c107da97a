import { assert, assertEquals } from "@std/assert";
import { batchRanges, epochOrder, holdoutRows } from "../../../train/input/order.ts";

const sorted = (rows: Iterable<number>) => [...rows].sort((a, b) => a - b);
const count = (length: number) => Array.from({ length }, (_, row) => row);

Deno.test("epochOrder() has each row once, and depends on seed and epoch alone", () => {
  for (const rows of [0, 1, 2, 1000]) assertEquals(sorted(epochOrder(rows, 3, 1)), count(rows));
  assertEquals(epochOrder(100, 3, 1), epochOrder(100, 3, 1));
  assert(epochOrder(100, 3, 1).join() !== epochOrder(100, 3, 2).join());
  assert(epochOrder(100, 3, 1).join() !== epochOrder(100, 4, 1).join());
});

Deno.test("epochOrder() takes all orders equally often", () => {
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

Deno.test("holdoutRows() shares rows out by the fraction, in ascending order", () => {
  const { train, validation } = holdoutRows(1000, 0.15, 7);
  assertEquals([train.length, validation.length], [850, 150]);
  assertEquals(sorted([...train, ...validation]), count(1000));
  for (const rows of [train, validation]) assertEquals([...rows], sorted(rows));
  assertEquals(holdoutRows(1000, 0.15, 7).validation, validation);
  assert(holdoutRows(1000, 0.15, 8).validation.join() !== validation.join());
});

Deno.test("batchRanges() covers all rows; the last batch may be smaller", () => {
  assertEquals(batchRanges(10, 4), [[0, 4], [4, 8], [8, 10]]);
  assertEquals(batchRanges(8, 4), [[0, 4], [4, 8]]);
  assertEquals(batchRanges(0, 4), []);
});
