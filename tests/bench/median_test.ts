import { assertEquals } from "@std/assert";
import { median } from "../../bench/median.ts";

Deno.test("median() is the middle number, whatever the order", () => {
  assertEquals(median([100, 1, 3]), 3);
  assertEquals(median([7]), 7);
});

Deno.test("median() of an even count is the mean of the middle two, compared as numbers", () => {
  assertEquals(median([10, 9, 100, 2]), 9.5);
});

Deno.test("median() leaves the numbers as they are", () => {
  const values = [3, 1, 2];
  median(values);
  assertEquals(values, [3, 1, 2]);
});
