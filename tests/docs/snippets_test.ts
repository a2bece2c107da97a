import { assert, assertEquals, assertRejects } from "@std/assert";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { builtinsModule, findBuiltIns } from "../../src/tools/builtins.ts";
import { commandsPage } from "../../src/tools/commands_page.ts";
import { referencePages } from "../../src/tools/reference_pages.ts";
import { blocks } from "./documents.ts";
import { deno, flags, inFolder, root } from "../support/command_line.ts";
import { hasPython } from "../support/python.ts";

/** Why a block is not run here. */
const unrun = /^(?:no-run: \S|run-by: tests\/\S+\.ts$)/;

const read = (file: string) => Deno.readTextFile(join(root, file));

Deno.test("each ts block of a document passes the type check, and runs unless it states why not", async () => {
  const found = blocks.filter(({ language }) => language === "ts");
  assert(found.length > 12, `${found.length} blocks`);
  await inFolder(async (folder) => {
    const paths: string[] = [];
    for (const [index, { path, text }] of found.entries()) {
      const file = join(folder, `${basename(path, ".md").toLowerCase()}${index + 1}.ts`);
      await Deno.writeTextFile(file, text);
      paths.push(file);
    }
    const { code, stderr } = await deno(["check", "--quiet", ...flags, ...paths]);
    assertEquals(code, 0, stderr);
    for (const [index, { place, info }] of found.entries()) {
      if (unrun.test(info)) continue;
      // A block that compares its stage with its contract throws here if the stage breaks it.
      const run = () => import(pathToFileURL(paths[index]!).href);
      const [, message] = /^throws: (\S.*)$/.exec(info) ?? [];
      if (message !== undefined) {
        await assertRejects(run, Error, message, place);
        continue;
      }
      assertEquals(info, "", place);
      await run();
    }
  });
});

/** The languages of blocks, with the test that checks them, or the reason why none does. */
const languages: Readonly<Record<string, string>> = {
  sh: "shell_blocks_test.ts",
  yaml: "yaml_blocks_test.ts",
  ts: "the test above",
  python: "the test below",
  json: "the test below",
  dockerfile: "shell_blocks_test.ts",
  text: "output or a figure",
};

Deno.test("each block of a document has a language that a test checks, or is text", () => {
  const unknown = blocks.filter(({ language, text }) =>
    !Object.hasOwn(languages, language) || language === "text" && /^\$ |^deno /m.test(text)
  );
  assertEquals(unknown.map(({ place }) => place), []);
});

Deno.test("each json block of a document can be parsed", () => {
  for (const { language, text } of blocks) if (language === "json") JSON.parse(text);
});

Deno.test({
  name: "each python block of a document can be compiled, and runs unless it states why not",
  ignore: !hasPython,
  fn: async () => {
    const found = blocks.filter(({ language }) => language === "python");
    assert(found.length > 2, `${found.length} blocks`);
    for (const { place, info, text } of found) {
      const run = info === "";
      assert(run || unrun.test(info), place);
      const how = run ? text : `compile(${JSON.stringify(text)}, "block", "exec")`;
      const { code, stderr } = await new Deno.Command("python3", { args: ["-c", how] }).output();
      assertEquals(code, 0, `${place}: ${new TextDecoder().decode(stderr)}`);
    }
  },
});

Deno.test("plugins/mod.ts and docs/reference/ contain each stage of plugins/KIND/NAME.ts", async () => {
  const found = await findBuiltIns(new URL("../../plugins/", import.meta.url));
  assert(found.length > 60, `${found.length} stages`);
  assertEquals(await read("plugins/mod.ts"), builtinsModule(found), "run `deno task schema`");
  for (const [path, page] of Object.entries(referencePages(found.map(({ stage }) => stage)))) {
    assertEquals(await read(path), page, "run `deno task schema`");
  }
});

Deno.test("docs/reference/commands.md lists each command and option", async () => {
  const page = await read("docs/reference/commands.md");
  assertEquals(page, commandsPage(), "run `deno task schema`");
});

Deno.test("findBuiltIns() refuses a default export that is not the stage that its file is named after", () =>
  inFolder(async (folder) => {
    const kinds = ["sources", "transforms", "networks", "losses", "gradients", "optimizers"];
    for (const kind of [...kinds, "schedules", "metrics", "outputs"]) {
      await Deno.mkdir(join(folder, kind));
    }
    const plugins = new URL(`${pathToFileURL(folder).href}/`), losses = join(folder, "losses");
    await Deno.writeTextFile(join(losses, "helper.ts"), "export const one = 1;\n");
    assertEquals(await findBuiltIns(plugins), []);
    const mse = JSON.stringify(import.meta.resolve("../../plugins/losses/mse_hint.ts"));
    await Deno.writeTextFile(join(losses, "mse_hint.ts"), `export { default } from ${mse};\n`);
    assertEquals((await findBuiltIns(plugins)).map(({ stage }) => stage.name), ["mse-hint"]);
    await Deno.writeTextFile(join(losses, "other.ts"), `export { default } from ${mse};\n`);
    await assertRejects(
      () => findBuiltIns(plugins),
      Error,
      "plugins/losses/other.ts must export a loss stage called other as its default",
    );
  }));
