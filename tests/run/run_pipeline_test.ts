import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { quoted } from "../../src/base/quoted.ts";
import { deno, flags, inFolder, root } from "../support/command_line.ts";

const program = `
import { runPipeline, UserError } from "@rocket-launching/rocket";

try {
  await runPipeline(Deno.args[0], { out: "run", engine: "wasm", quiet: true });
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.log(JSON.stringify(error.problems.map(({ message, hint }) => [message, hint])));
}
`;

Deno.test("runPipeline() names the permission that a program lacks, like the command line", () =>
  inFolder(async (folder) => {
    const main = join(folder, "main.ts"), file = join(root, "pipelines", "digits.yaml");
    await Deno.writeTextFile(main, program);
    const reading = ["--allow-read", "--allow-env"];
    for (
      const [granted, deed, flag] of [
        [[], `read ${file}`, `--allow-read=${file}`],
        [reading, "ask the system for systemMemoryInfo", "--allow-sys=systemMemoryInfo"],
        [[...reading, "--allow-sys"], "write ", "--allow-write="],
      ] as const
    ) {
      const args = ["run", "--quiet", "--no-prompt", ...granted, ...flags, main, file];
      const { stdout, stderr } = await deno(args, { cwd: folder });
      assertEquals(stderr, "");
      const [[message, hint]] = JSON.parse(stdout);
      assertStringIncludes(message, `this process has no permission to ${deed}`);
      assertStringIncludes(hint, `start it with deno run ${flag}`);
      assertStringIncludes(hint, "--permissions prints all permissions that a pipeline needs");
    }
  }));

Deno.test("runPipeline() quotes the flag for a path whose name is a command for a shell", () =>
  inFolder(async (folder) => {
    const main = join(folder, "main.ts");
    await Deno.writeTextFile(main, program);
    for (const name of ["a; touch pwn; $(id)", "b' `id` \" c", '"; id; "']) {
      const file = join(folder, `${name}.yaml`);
      const { stdout } = await deno(
        ["run", "--quiet", "--no-prompt", "--allow-env", ...flags, main, file],
        { cwd: folder },
      );
      const [[message, hint]] = JSON.parse(stdout);
      assertStringIncludes(message, `this process has no permission to read ${file}`);
      assertStringIncludes(hint, `start it with deno run ${quoted(`--allow-read=${file}`)}; --p`);
    }
    // Deno would read it as two paths, and there is no way to write one.
    const { stdout } = await deno(
      ["run", "--quiet", "--no-prompt", "--allow-env", ...flags, main, join(folder, "a,b.yaml")],
      { cwd: folder },
    );
    assertStringIncludes(JSON.parse(stdout)[0][1], "in a permission set of a deno.json, since");
  }));
