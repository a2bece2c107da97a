import { assertEquals, assertStringIncludes } from "@std/assert";
import { drawSvg } from "../../src/base/draw.ts";
import { UNPRINTABLE } from "../../src/base/printable.ts";

Deno.test("the names in a chart cannot hide or reorder text, or end a line", async () => {
  const svg = await drawSvg({
    data: { values: [{ name: "a\u202eb", count: 1 }, { name: "c\u200bd\n<e>", count: 2 }] },
    mark: "bar",
    title: "f\u2066\u2028g",
    encoding: {
      x: { field: "name", type: "nominal" },
      y: { field: "count", type: "quantitative" },
    },
  });
  assertEquals(svg.replaceAll(">\n<", "><").match(UNPRINTABLE), null);
  for (const text of [">a\\u{202e}b<", ">c\\u{200b}d\\u{a}&lt;e&gt;<", ">f\\u{2066}\\u{2028}g<"]) {
    assertStringIncludes(svg, text);
  }
});
