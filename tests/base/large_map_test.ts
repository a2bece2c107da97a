import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { indexesOf, LargeMap } from "../../src/base/large_map.ts";

Deno.test("LargeMap has the entries of a Map in the same order, with any number of maps inside", () => {
  const key = fc.oneof(fc.integer({ min: -3, max: 15 }), fc.constantFrom("", "5", NaN, -0, null));
  const value = fc.option(fc.nat({ max: 9 }), { nil: undefined });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(key, value), { maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      (entries, limit) => {
        const expected = new Map<unknown, number | undefined>();
        const large = new LargeMap<unknown, number | undefined>(limit);
        for (const [key, value] of entries) {
          assertEquals(large.has(key), expected.has(key));
          expected.set(key, value);
          assertEquals(large.set(key, value), large);
          assertEquals([large.size, large.get(key)], [expected.size, value]);
        }
        for (const key of [...expected.keys(), 99, "another"]) {
          assertEquals([large.get(key), large.has(key)], [expected.get(key), expected.has(key)]);
        }
        assertEquals([...large], [...expected]);
        assertEquals([...large.keys()], [...expected.keys()]);
        assertEquals([...large.values()], [...expected.values()]);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("indexesOf() returns the last index of each value", () => {
  assertEquals([...indexesOf(["b", "a", "b"])], [["b", 2], ["a", 1]]);
});
