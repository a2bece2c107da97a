import { assert, assertEquals } from "@std/assert";
import { distance } from "fastest-levenshtein";
import fc from "fast-check";
import { nearest } from "../../src/base/nearest.ts";

/** Computes Levenshtein's distance with the full table (Wagner and Fischer 1974, algorithm X). */
function wholeTable(a: string, b: string): number {
  const table = Array.from({ length: a.length + 1 }, (_, row) => [row]);
  for (let column = 1; column <= b.length; column++) table[0]![column] = column;
  for (let row = 1; row <= a.length; row++) {
    for (let column = 1; column <= b.length; column++) {
      table[row]![column] = Math.min(
        table[row - 1]![column]! + 1,
        table[row]![column - 1]! + 1,
        table[row - 1]![column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1),
      );
    }
  }
  return table[a.length]![b.length]!;
}

const plain = (word: string) => word.toLowerCase().replaceAll(/[-_ ]/g, "");

/** Words of few different letters, so that some are similar; some are longer than 32 letters. */
const word = fc.oneof(
  fc.string({ unit: fc.constantFrom("a", "b", "C", "-", "_"), maxLength: 9 }),
  fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 28, maxLength: 70 }),
  fc.string({ maxLength: 20 }),
);

Deno.test("distance() agrees with the full Levenshtein table and is symmetric", () => {
  fc.assert(
    fc.property(word, word, (a, b) => {
      const expected = wholeTable(a, b);
      assertEquals([distance(a, b), distance(b, a)], [expected, expected]);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("nearest() returns a name with the smallest distance, at most a third of the length", () => {
  fc.assert(
    fc.property(word, fc.array(word, { maxLength: 8 }), (written, names) => {
      const found = nearest(written, names);
      const apart = (name: string) => wholeTable(plain(written), plain(name));
      const bound = (name: string) =>
        Math.ceil(Math.min(plain(written).length, plain(name).length) / 3);
      const near = names.filter((name) => apart(name) <= bound(name));
      if (found === undefined) return assertEquals(near, []);
      assert(names.includes(found) && apart(found) <= bound(found), `${written}: ${found}`);
      assertEquals(apart(found), Math.min(...near.map(apart)));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("nearest() ignores case and the separators between words", () => {
  const parts = fc.array(fc.stringMatching(/^[a-z]{2,6}$/), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(parts, fc.constantFrom("-", "_", " ", ""), (parts, mark) => {
      assertEquals(nearest(parts.join(mark).toUpperCase(), ["", parts.join("-")]), parts.join("-"));
    }),
  );
});
