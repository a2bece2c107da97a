import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { newPackage } from "../../src/commands/new_package.ts";
import { blocks } from "../docs/documents.ts";
import { deno, inFolder, root, userEnvironment } from "../support/command_line.ts";
import { LoopbackRegistry } from "../support/loopback_registry.ts";

/** A block of a document, in a language, that this test runs. */
function documented(document: string, language: string): string {
  const info = "run-by: tests/package/new_package_test.ts";
  return blocks.find((block) =>
    block.path === document && block.language === language && block.info === info
  )!.text.trim();
}

const wordsOf = (text: string) => text.split("\n").map((line) => line.split(" "));

/** Changes a text in a file. */
async function change(file: string, from: string, to: string): Promise<void> {
  const text = await Deno.readTextFile(file);
  assertStringIncludes(text, from);
  await Deno.writeTextFile(file, text.replace(from, () => to));
}

Deno.test("README.md makes a project, and docs/projects.md a package that the project uses", async (t) => {
  await using registry = new LoopbackRegistry();
  await registry.publish(root);
  const env = userEnvironment(registry.environment);
  await inFolder(async (outer) => {
    const [create, enter, train] = wordsOf(documented("README.md", "sh")) as string[][];
    const project = join(outer, enter![1]!);
    const run = async (words: readonly string[], cwd: string, ...more: string[]) => {
      const [, ...args] = words;
      return await deno([...args, ...more], { cwd, env });
    };
    const wasm = ["--engine", "wasm"], once = [...wasm, "--epochs", "1", "--quiet"];
    await t.step("a project is created and trained", async () => {
      const made = await run(create!, outer);
      assertEquals(made.code, 0, made.stderr);
      const trained = await run(train!, project, ...once);
      assertEquals(trained.code, 0, trained.stderr);
    });
    const [write, inside, test, example, publish] = wordsOf(
      documented("docs/projects.md", "sh"),
    ) as string[][];
    const [name, folderName] = write!.slice(5) as [string, string];
    assertEquals([write!.slice(0, 5).join(" "), inside], [
      "deno task pipeline new package",
      ["cd", folderName],
    ]);
    const folder = join(outer, folderName);
    await newPackage([name, folder], undefined);
    await t.step("passes its format, lint and test, and publishes without warnings", async () => {
      const dry = [...publish!, "--allow-dirty", "--quiet", "--no-check"];
      const all = [["deno", "fmt", "--check", "--quiet"], ["deno", "lint", "--quiet"], dry];
      for (const words of all) {
        const { code, stderr } = await run(words, folder);
        assertEquals([code, stderr.includes("Warning")], [0, false], `${words}\n${stderr}`);
      }
      const tested = await run(test!, folder, "--no-check");
      assertStringIncludes(tested.stdout, "1 passed | 0 failed", tested.stderr);
      const trained = await run(example!, folder, ...once);
      assertEquals(trained.code, 0, trained.stderr);
      const { files } = await registry.publish(folder);
      assertEquals([...files.keys()].sort(), ["/README.md", "/deno.json", "/mod.ts"]);
    });
    const entry = /use: "(.*?)"/.exec(documented("docs/projects.md", "yaml"))![1]!;
    await t.step("is a loss of another project", async () => {
      const { text } = blocks.find(({ path, text }) =>
        path === "docs/projects.md" && text.includes("allowPlugins")
      )!;
      const allow = JSON.parse(text);
      assertEquals(allow.rocket.allowPlugins, [entry]);
      allow.rocket.allowPlugins.push(entry.replace("0.1", "0.2"));
      const config = JSON.parse(await Deno.readTextFile(join(project, "deno.json")));
      await Deno.writeTextFile(
        join(project, "deno.json"),
        JSON.stringify({ ...config, ...allow }),
      );
      await change(join(project, "pipeline.yaml"), "use: mse-hint", `use: "${entry}"`);
      const { code, stderr } = await run(train!, project, ...once);
      assertEquals(code, 0, stderr);
    });
    await t.step("is refused before a run if it is for another version of Rocket", async () => {
      await change(join(folder, "mod.ts"), 'rocket: "^0.1"', 'rocket: "^99.0"');
      await registry.publish(folder, { version: "0.2.0" });
      const next = entry.replace("0.1", "0.2");
      await change(join(project, "pipeline.yaml"), entry, next);
      const { code, stderr } = await run(train!, project, ...wasm, "--out", "other");
      assertEquals(code, 2, stderr);
      assertStringIncludes(
        stderr,
        `the loss stage my-loss of ${next} works with Rocket ^99.0, but this is Rocket`,
      );
      assertEquals([...Deno.readDirSync(project)].some(({ name }) => name === "other"), false);
    });
  });
});
