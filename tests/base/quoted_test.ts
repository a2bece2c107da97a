import { assertEquals, assertStringIncludes } from "@std/assert";
import { parse } from "yaml";
import { UNPRINTABLE } from "../../src/base/printable.ts";
import { quoted, yamlName, yamlQuoted } from "../../src/base/quoted.ts";
import { notDownloaded } from "../../src/pipeline/module.ts";

Deno.test("quoted() makes one word of any text for a shell", async () => {
  const words = ["a", "npm:@a/b@^1.0.0", "a b", "$(id)", "`id`", "it's;id", "a\nb", "", "*", "-x"]
    .concat("~", "~root/x", "a=~", "a:~");
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `printf '%s\\0' ${words.map(quoted).join(" ")}`],
  }).output();
  assertEquals(new TextDecoder().decode(stdout).split("\0").slice(0, -1), words);
  // In zsh, a command's path replaces the word.
  assertEquals(quoted("=ls"), "'=ls'");
});

Deno.test("notDownloaded() proposes a command that runs nothing but Deno", () => {
  const message = "Failed caching npm package 'a$(id)': --cached-only is specified";
  assertStringIncludes(`${notDownloaded(new Error(message))?.hint}`, "deno cache 'npm:a$(id)'; ");
});

Deno.test("yamlName() and yamlQuoted() make texts that can be copied into a pipeline file", () => {
  const names = [
    "a",
    "mean radius",
    "a: b",
    "a #b",
    "a:",
    "- a",
    "-a",
    "*",
    "a*",
    "[a]",
    "a, b",
    "",
  ]
    .concat(
      "true",
      "No",
      "~",
      "null",
      "'a'",
      'say "a"',
      "100% a",
      "@a",
      "数据",
      "a b ",
      " a",
      "a\\b",
    )
    .concat("a\tb", "a\nb", "a\u0007b", "a\u0085b", "a\u200bb", "a\u2028b", "a\u{e0001}b", "\x7f");
  for (const name of names) {
    for (const text of [yamlName(name), yamlQuoted(name)]) {
      assertEquals(text.search(UNPRINTABLE), -1, text);
      assertEquals(parse(`column: ${text}`), { column: name });
      assertEquals(parse(`{ columns: [${text}], ${text}: 1 }`), { columns: [name], [name]: 1 });
    }
  }
  assertEquals([yamlName("mean radius"), yamlName("a\u200bb")], ["mean radius", '"a\\u200bb"']);
});
