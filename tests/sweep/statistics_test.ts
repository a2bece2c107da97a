import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { interval, median, spread } from "../../src/sweep/statistics.ts";
import { readPairedReference } from "../reference/fixtures.ts";
import { referenceUniform } from "../reference/values.ts";

Deno.test("means, deviations and paired intervals agree with SciPy", async () => {
  const reference = await readPairedReference();
  assertEquals(Object.keys(reference), ["2", "3", "5", "30"]);
  for (const [count, expected] of Object.entries(reference)) {
    const first = [...referenceUniform(`statistics/first/${count}`, [Number(count)], 0.9, 0.95)];
    const second = [...referenceUniform(`statistics/second/${count}`, [Number(count)], 0.91, 0.96)];
    const { mean, deviation } = spread(first);
    assertAlmostEquals(mean, expected.mean, 1e-12);
    assertAlmostEquals(deviation, expected.deviation, 1e-12);
    const paired = interval(second.map((value, index) => value - first[index]!));
    assertAlmostEquals(paired.mean, expected.difference, 1e-12);
    assertAlmostEquals(paired.low, expected.low, 1e-9);
    assertAlmostEquals(paired.high, expected.high, 1e-9);
  }
});

Deno.test("one value has no deviation and no interval", () => {
  const { mean, deviation } = spread([3]), { low, high } = interval([3]);
  assertEquals(mean, 3);
  assert([deviation, low, high].every(Number.isNaN));
});

Deno.test("the median is the middle number, or the mean of the two middle numbers", () => {
  assertEquals([median([3, 1, 2]), median([4, 1, 3, 2]), median([5])], [2, 2.5, 5]);
});

Deno.test("median() does not depend on the order", () => {
  assertEquals(median([100, 1, 3]), 3);
  assertEquals(median([7]), 7);
});

Deno.test("median() of an even count is the mean of the middle two, compared as numbers", () => {
  assertEquals(median([10, 9, 100, 2]), 9.5);
});

Deno.test("median() does not modify its argument", () => {
  const values = [3, 1, 2];
  median(values);
  assertEquals(values, [3, 1, 2]);
});
