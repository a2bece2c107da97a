import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { deno, flags, inFolder, root, userEnvironment } from "../support/command_line.ts";

const folder = join(root, "examples");

/** What a program prints, and how it is run. */
async function outputOf(program: string, cwd: string): Promise<string> {
  const args = ["run", "-A", "--no-check", "--quiet", ...flags, program];
  // What examples leave behind goes with the folder.
  const { code, stdout, stderr } = await inFolder((TMPDIR) =>
    deno(args, { cwd, env: userEnvironment({ TMPDIR }) })
  );
  assertEquals(code, 0, stderr);
  return stdout;
}

/** A number between 0.5 and 1: ten digits are told apart far better than by chance. */
const accuracy = "(?:0\\.[5-9]\\d*|1)";

const programs: Readonly<Record<string, RegExp>> = {
  "run.ts": RegExp(
    `^trainable parameters: \\{ light: 1210, booster: 8970 \\}\naccuracy of the light net: ${accuracy}\nrun folder: `,
  ),
  "custom_loss.ts": RegExp(
    `^accuracy of the light net: ${accuracy}\n(?:.+\n)+cosine-hint.* \\{ .*booster: 0\\b`,
  ),
  "listener.ts": RegExp(
    `^3 epochs of \\d+ steps\nepoch 1: 0.*\nepoch 2: 0.*\nstopped, with a checkpoint\ndone after 3 epochs: ${accuracy}\n$`,
  ),
  "sweep.ts": RegExp(
    `^alone 0\\.\\d+ difference: –\n(?:rocket,weight=0\\.\\d+ 0\\.\\d+ difference: .*\\d\n){2}tables: .*table\\.md`,
  ),
};

for (const [name, printed] of Object.entries(programs)) {
  Deno.test(`examples/${name} runs outside of the repository`, () =>
    inFolder(async (cwd) => assertMatch(await outputOf(join(folder, name), cwd), printed)));
}

Deno.test("the cells of examples/notebook.ipynb run one after the other, in its folder", () =>
  inFolder(async (made) => {
    const { cells, metadata } = JSON.parse(
      await Deno.readTextFile(join(folder, "notebook.ipynb")),
    ) as {
      readonly cells: readonly { readonly cell_type: string; readonly source: readonly string[] }[];
      readonly metadata: { readonly kernelspec: { readonly name: string } };
    };
    assertEquals(metadata.kernelspec.name, "deno");
    const code = cells.filter(({ cell_type }) => cell_type === "code");
    const program = join(made, "cells.ts");
    await Deno.writeTextFile(program, code.map(({ source }) => source.join("")).join("\n"));
    const printed = await outputOf(program, folder);
    assertMatch(printed, /"rocket".* 3 /);
    assertMatch(printed, RegExp(`\n${accuracy} ${accuracy}\n$`));
  }));

Deno.test("each file of examples/ is run by a test", async () => {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  assertEquals(
    names.toSorted(),
    // `deno task interop` runs the page in a browser, and packages_test.ts the packages.
    [...Object.keys(programs), "browser", "notebook.ipynb", "outputs", "packages"].toSorted(),
  );
});
