import { assertEquals } from "@std/assert";
import { escapeMarkup } from "../../src/base/escape_markup.ts";

Deno.test("escapeMarkup() removes markup, invalid XML characters, and invisible characters", () => {
  assertEquals(
    escapeMarkup(`<script a="1" b='2'>&amp;</script>\x00\x1b\n\u202e\uffff`),
    "&lt;script a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;amp;&lt;/script&gt;\\u{0}\\u{1b}\\u{a}\\u{202e}\ufffd",
  );
});
