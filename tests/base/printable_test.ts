import { assert, assertEquals } from "@std/assert";
import { inOneLine, linesOf } from "../../src/base/printable.ts";
import { looksLikeNumber } from "../../src/input/texts.ts";

Deno.test("inOneLine() and linesOf() leave out blank lines and the white space around lines", () => {
  assertEquals(inOneLine("  one \n\n\t two\r\n three "), "one two three");
  assertEquals(linesOf("\n a  b\n \n c"), ["a  b", "c"]);
});

Deno.test("texts of a million characters take no time by the square", () => {
  const start = performance.now();
  assertEquals(inOneLine(`a${" ".repeat(1e6)}b`).length, 1e6 + 2);
  assert(!looksLikeNumber(`${"1".repeat(1e6)}x`));
  // By the square, both would take many minutes.
  assert(performance.now() - start < 20_000);
});
