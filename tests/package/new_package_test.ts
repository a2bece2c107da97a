import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { newPackage } from "../../src/commands/new_package.ts";
import { newProject } from "../../src/commands/new_project.ts";
import { deno, inFolder, root, userEnvironment } from "../support/command_line.ts";
import { LoopbackRegistry } from "../support/loopback_registry.ts";

/** Changes a text in a file. */
async function change(file: string, from: string, to: string): Promise<void> {
  const text = await Deno.readTextFile(file);
  assertStringIncludes(text, from);
  await Deno.writeTextFile(file, text.replace(from, () => to));
}

Deno.test("new package writes a package that can be published, and that another project uses", async (t) => {
  await using registry = new LoopbackRegistry();
  await registry.publish(root);
  const env = userEnvironment(registry.environment);
  await inFolder(async (outer) => {
    const folder = join(outer, "absolute"), project = join(outer, "user");
    await newPackage(["@you/absolute", folder], undefined);
    await newProject([project], { from: undefined, label: undefined, link: undefined });
    await t.step("passes its format, lint and test, and publishes without warnings", async () => {
      const publish = ["publish", "--dry-run", "--allow-dirty", "--quiet", "--no-check"];
      const all = [["fmt", "--check", "--quiet"], ["lint", "--quiet"], publish];
      for (const args of all) {
        const { code, stderr } = await deno(args, { cwd: folder, env });
        assertEquals([code, stderr.includes("Warning")], [0, false], `${args}\n${stderr}`);
      }
      const test = await deno(["task", "--quiet", "test", "--no-check"], { cwd: folder, env });
      assertStringIncludes(test.stdout, "1 passed | 0 failed", test.stderr);
      const { files } = await registry.publish(folder);
      assertEquals([...files.keys()].sort(), ["/README.md", "/deno.json", "/mod.ts"]);
    });
    const run = async (...args: string[]) =>
      await deno(
        ["task", "--quiet", "pipeline", ...args, "--engine", "wasm"],
        { cwd: project, env },
      );
    await t.step("is a loss of another project", async () => {
      // As the README of the package says.
      const allow = ["jsr:@you/absolute@^0.1", "jsr:@you/absolute@^0.2"];
      const config = JSON.parse(await Deno.readTextFile(join(project, "deno.json")));
      await Deno.writeTextFile(
        join(project, "deno.json"),
        JSON.stringify({ ...config, rocket: { allowPlugins: allow } }),
      );
      await change(
        join(project, "pipeline.yaml"),
        "use: mse-hint",
        'use: "jsr:@you/absolute@^0.1"',
      );
      const { code, stderr } = await run("pipeline.yaml", "--epochs", "1", "--quiet");
      assertEquals(code, 0, stderr);
    });
    await t.step("is refused before a run if it is for another version of Rocket", async () => {
      await change(join(folder, "mod.ts"), 'rocket: "^0.1"', 'rocket: "^99.0"');
      await registry.publish(folder, { version: "0.2.0" });
      await change(join(project, "pipeline.yaml"), "absolute@^0.1", "absolute@^0.2");
      const { code, stderr } = await run("pipeline.yaml", "--out", "other");
      assertEquals(code, 2, stderr);
      assertStringIncludes(
        stderr,
        "the loss stage absolute of jsr:@you/absolute@^0.2 works with Rocket ^99.0, but this is Rocket",
      );
      assertEquals([...Deno.readDirSync(project)].some(({ name }) => name === "other"), false);
    });
  });
});
