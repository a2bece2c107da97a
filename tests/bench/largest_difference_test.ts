import { assertEquals, assertThrows } from "@std/assert";
import { largestDifference } from "../../bench/gpu/largest_difference.ts";

Deno.test("largestDifference() compares the first losses, relative to what is expected", () => {
  assertEquals(largestDifference([2, 4.5, 100], [2, 4, 1], 2), 0.125);
  assertEquals(largestDifference([2, 4], [2, 4], 2), 0);
});

Deno.test("largestDifference() counts NaN as a difference, and rejects lists that are too short", () => {
  assertEquals(largestDifference([NaN, 4], [2, 4], 2), Infinity);
  assertEquals(largestDifference([2, 4], [2, NaN], 2), Infinity);
  assertThrows(() => largestDifference([2], [2, 4], 2), RangeError, "expected 2 losses");
});
