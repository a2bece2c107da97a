import { assert, assertEquals } from "@std/assert";
import { cutToWidth, table } from "../../src/base/text_table.ts";
import { widthOf, wrap } from "../../src/base/text_width.ts";

Deno.test("table() aligns columns by the width of their characters in a terminal", () => {
  assertEquals(table(["name", "n"], [["数据", "1"], ["é", "22"], ["e\u0301x", "3"]]), [
    "name   n",
    "────  ──",
    "数据   1",
    "é     22",
    "e\u0301x     3",
  ]);
});

Deno.test("table() aligns 200,000 rows", () => {
  const lines = table(["class", "n"], Array.from({ length: 200_000 }, (_, row) => [`${row}`, "1"]));
  assertEquals([lines.length, lines[0], lines.at(-1)], [200_002, "class   n", "199999  1"]);
});

Deno.test("table() wraps the text of its last column where it is too wide", () => {
  const lines = table(["name", "about"], [["a", "one two three four five six"], ["b", "x"]], [
    "left",
    "left",
  ], { width: 26 });
  assertEquals(lines, [
    "name  about",
    "────  ──────────────────",
    "a     one two three four",
    "      five six",
    "b     x",
  ]);
});

Deno.test("table() wraps the names in its first column where they are too wide", () => {
  assertEquals(
    table(["loss", "value"], [["mse-hint(booster.group1→light.group1)", "0.1"]], undefined, {
      width: 32,
    }),
    [
      "loss                       value",
      "─────────────────────────  ─────",
      "mse-hint(booster.group1→l    0.1",
      "  ight.group1)",
    ],
  );
});

Deno.test("table() is divided into blocks where it has too many columns", () => {
  const lines = table(
    ["net", "a", "at best", "b", "at best"],
    [["light", "0.1000", "0.2000", "0.3000", "0.4000"]],
    undefined,
    { width: 30, groups: [2, 2] },
  );
  assertEquals(lines, [
    "net         a  at best",
    "─────  ──────  ───────",
    "light  0.1000   0.2000",
    "",
    "net         b  at best",
    "─────  ──────  ───────",
    "light  0.3000   0.4000",
  ]);
});

Deno.test("table() never exceeds its width, and loses no cell", () => {
  for (const length of [1, 5, 20, 90, 200]) {
    for (const count of [1, 2, 7, 30]) {
      const name = "n".repeat(length);
      const head = ["setting", ...Array.from({ length: count }, (_, at) => `metric${at}`)];
      const cells = head.slice(1).map((_, at) => `${at}.123456`);
      const lines = table(head, [[name, ...cells]]);
      for (const line of lines) assert(widthOf(line) <= 80, `${length} ${count}: ${line}`);
      for (const cell of cells) assert(lines.some((line) => line.includes(cell)), cell);
      const names = lines.flatMap((line) => /^ {0,2}(n+)\b/.exec(line)?.[1] ?? []).join("");
      assert(names.startsWith(name), lines.join("\n"));
    }
  }
});

Deno.test("cutToWidth() cuts the middle of a text by the width of its characters", () => {
  assertEquals(cutToWidth("data.train.path", 9), "data…path");
  assertEquals(cutToWidth("数据数据数据", 9), "数据…数据");
  assertEquals(cutToWidth("a\nb", 20), "a\\u{a}b");
});

Deno.test("wrap() divides a text at spaces, and cuts words that are longer than a line", () => {
  assertEquals(wrap("one two three", 7), ["one two", "three"]);
  assertEquals(wrap("one two", 6, { first: "- ", next: "  " }), ["- one", "  two"]);
  assertEquals(wrap("abcdefghij", 4, { next: " " }), ["abcd", " efg", " hij"]);
  assertEquals(wrap("", 4), [""]);
});
