import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readStandIns } from "../../src/launch/stand_ins.ts";
import { withProject } from "./support.ts";

Deno.test("readStandIns() finds the stand-ins of this project, and their files exist", async () => {
  const found = await readStandIns(fileURLToPath(new URL("../../", import.meta.url)));
  assertEquals(
    found.map(({ specifier }) => specifier).sort(),
    ["@std/assert", "@std/cli/parse-args"],
  );
  for (const { path } of found) assert((await Deno.stat(path)).isFile, path);
});

Deno.test("readStandIns() finds each module that a folder exports, and ignores files beside the folders", async () => {
  await withProject(async ({ root }) => {
    const compat = join(root, "src", "launch", "compat");
    await Deno.writeTextFile(join(compat, "README.md"), "");
    await Deno.writeTextFile(
      join(compat, "words", "deno.json"),
      JSON.stringify({
        name: "@toy/words",
        exports: { ".": "./mod.ts", "./long/words": "./long_words.ts" },
      }),
    );
    assertEquals(await readStandIns(root), [
      { specifier: "@toy/words", path: join(compat, "words", "mod.ts") },
      { specifier: "@toy/words/long/words", path: join(compat, "words", "long_words.ts") },
    ]);
  });
});

Deno.test("readStandIns() rejects a folder that does not name the replaced package", async () => {
  await withProject(async ({ root }) => {
    await Deno.mkdir(join(root, "src", "launch", "compat", "nameless"));
    await assertRejects(() => readStandIns(root), Deno.errors.NotFound);
  });
});
