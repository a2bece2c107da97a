import { assertAlmostEquals, assertEquals } from "@std/assert";
import { percentiles } from "../../src/base/percentiles.ts";

Deno.test("the interval of samples has their percentiles 2.5 and 97.5 as ends, in any order", () => {
  // numpy.percentile(range(1, 101), [2.5, 97.5])
  const samples = Array.from({ length: 100 }, (_, index) => (index * 37) % 100 + 1);
  const { low, high } = percentiles(samples);
  assertAlmostEquals(low, 3.475, 1e-12);
  assertAlmostEquals(high, 97.525, 1e-12);
  assertEquals(percentiles([4]), { low: 4, high: 4 });
});
