import { assertEquals } from "@std/assert";
import { escapeXml } from "../../scripts/escape_xml.ts";

Deno.test("escapeXml() leaves no markup and no character that XML refuses", () => {
  assertEquals(
    escapeXml(`<script a="1" b='2'>&amp;</script>\x00\x1b`),
    "&lt;script a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;amp;&lt;/script&gt;\ufffd\ufffd",
  );
});
