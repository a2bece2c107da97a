import { assertEquals, assertStringIncludes } from "@std/assert";
import { quoted } from "../../src/base/quoted.ts";
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
