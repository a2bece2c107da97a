import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { matchStars } from "../../src/base/wildcard.ts";

Deno.test("matchStars() finds what a regular expression with lazy stars finds", () => {
  const texts = fc.string({ unit: fc.constantFrom("a", "b", "\n", "."), maxLength: 8 });
  const parts = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 3 }), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(parts, texts, (parts, text) => {
      const pattern = parts.map((part) => part.replaceAll(".", "\\.")).join("(.*?)");
      const expected = new RegExp(`^${pattern}$`, "s").exec(text)?.slice(1);
      assertEquals(matchStars(parts, text), expected);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("matchStars() needs no more time for many stars", () => {
  const parts = [...Array.from({ length: 10_000 }, () => "a"), "c"];
  const started = performance.now();
  assertEquals(matchStars(["", ...parts], "a".repeat(20_000) + "b"), undefined);
  assert(performance.now() - started < 2000);
});
