import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { type SmallProject, withProject } from "./support.ts";

/** A small project, in which `ok` and `test` of CONTRIBUTING.md take seconds. */
const good = {
  "mod.ts": `/** The project's own. */\nexport const own: string = "own";\n`,
  "tests/own_test.ts": `import { own } from "@toy/project";
import { word } from "@toy/words";

Deno.test("own differs", () => {
  if (own === word) throw new Error("they are equal");
});
`,
  "tests/support/open_wasm.ts": "export {};\n",
};

/** The launcher's files are formatted with the settings of this project. */
async function prepare(small: SmallProject): Promise<void> {
  await small.write(good);
  const file = join(small.root, "deno.json");
  const config = JSON.parse(await Deno.readTextFile(file));
  const rest = { fmt: { lineWidth: 100, exclude: ["deno.json", "src/launch/compat/"] } };
  await Deno.writeTextFile(file, JSON.stringify({ ...config, ...rest }, undefined, 2) + "\n");
}

/** Returns the lines with the result of each step. */
function results(out: string): string[] {
  return out.slice(out.lastIndexOf("\n\n")).trim().split("\n");
}

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
}

Deno.test("ok() runs all steps without a network, including a dry run of publishing, and leaves no files", async () => {
  await withProject(async (small) => {
    await prepare(small);
    const before = await names(small.root);
    const { code, out, err } = await small.deno(["task", "ok"]);
    assertEquals(results(out), [
      "ok      format",
      "ok      lint",
      "ok      types",
      "ok      documentation",
      "ok      tests",
      "ok      publishing, as a dry run",
    ], err);
    assertEquals(code, 0);
    assertStringIncludes(out, "@std: the stand-ins of compat/");
    assertStringIncludes(out, "1 passed, 0 failed");
    assertEquals(await names(small.root), before);
  });
});

Deno.test("ok() runs each step, even after a failed one", async () => {
  await withProject(async (small) => {
    await prepare(small);
    await small.write({
      "mod.ts": "export   const own  = JSON.parse('5');\nlet unused: string = 5;\n",
      "tests/bad_test.ts": `Deno.test("bad", () => {\n  throw new Error("bad");\n});\n`,
    });
    const { code, out } = await small.deno(["task", "ok"]);
    assertEquals(code, 1);
    const found = results(out);
    assertEquals(found.length, 6);
    assert(found.every((line) => line.startsWith("FAILED  ")), found.join("\n"));
  });
});
