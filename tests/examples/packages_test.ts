/**
 * The packages in examples/packages/: their own tests, and what users and JSR do with them.
 *
 * @module
 */

import "../../examples/packages/depthwise-net/mod_test.ts";
import "../../examples/packages/focal-loss/mod_test.ts";
import "../../examples/packages/shake/mod_test.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import { runFiles } from "../../src/base/files/run_files.ts";
import { blocks } from "../docs/documents.ts";
import { deno, inFolder, rocket, root } from "../support/command_line.ts";

const packages = join(root, "examples", "packages");
const names = ["depthwise-net", "focal-loss", "shake"] as const;

/** Rows of two classes, one of which is rare, for the pipelines in the READMEs. */
function rareRows(): string {
  const rows = Array.from({ length: 300 }, (_, row) => {
    const [x, y] = [row * 37 % 100 / 50 - 1, row * 61 % 100 / 50 - 1];
    return `${x},${y},${Number(x + y > 1)}`;
  });
  return ["x,y,rare", ...rows].join("\n") + "\n";
}

/** Writes the files that the pipeline in the README of a package reads. */
const writeData: Readonly<Record<typeof names[number], (folder: string) => Promise<void>>> = {
  "depthwise-net": copyDigits,
  "focal-loss": (folder) => Deno.writeTextFile(join(folder, "rows.csv"), rareRows()),
  "shake": copyDigits,
};

async function copyDigits(folder: string): Promise<void> {
  for (const name of ["digits-train.arrow", "digits-test.arrow"]) {
    await Deno.copyFile(join(root, "data", name), join(folder, name));
  }
}

/** Compares the predictions of a run with those of its net as an ONNX model. */
async function assertExported(cwd: string): Promise<void> {
  const allow = ["--allow-plugin", join(packages, "depthwise-net", "mod.ts")];
  const predict = async (net: string, ...options: string[]) => {
    const args = ["predict", net, "digits-test.arrow", "--out", `${net}.csv`, ...options];
    const { code, stderr } = await rocket(args, { cwd });
    assertEquals(code, 0, stderr);
    return (await Deno.readTextFile(join(cwd, `${net}.csv`))).trimEnd().split("\n").slice(1)
      .map((line) => line.split(",").map(Number));
  };
  const args = ["export", "run", "--format", "onnx", "--out", "net", ...allow];
  const { code, stderr } = await rocket(args, { cwd });
  assertEquals(code, 0, stderr);
  const expected = await predict("run", "--engine", "wasm", ...allow);
  const actual = await predict("net", "--engine", "onnx");
  assertEquals(actual.length, 360);
  for (const [row, [prediction, score]] of expected.entries()) {
    assertEquals(actual[row]![0], prediction);
    assertAlmostEquals(actual[row]![1]!, score!, 1e-4);
  }
}

Deno.test("each package in examples/packages/ has tests that run here, and is not published with Rocket", async () => {
  const entries = Array.from(Deno.readDirSync(packages), ({ name }) => name);
  assertEquals(entries.toSorted(), ["README.md", ...names]);
  const list = await Deno.readTextFile(join(packages, "README.md"));
  for (const name of names) assertStringIncludes(list, `](${name}/README.md)`);
  const own = await Deno.readTextFile(join(root, "tests", "examples", "packages_test.ts"));
  for (const name of names) assertStringIncludes(own, `/packages/${name}/mod_test.ts"`);
  const { publish } = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
  // The documents of Rocket link to the READMEs.
  assertEquals(
    publish.exclude.filter((path: string) => path.includes("examples/packages/")),
    ["examples/packages/", "!examples/packages/README.md"].concat(
      names.map((name) => `!examples/packages/${name}/README.md`),
    ),
  );
});

for (const name of names) {
  const folder = join(packages, name);
  Deno.test(`the package ${name} trains with the pipeline in its README`, () =>
    inFolder(async (cwd) => {
      const path = `examples/packages/${name}/README.md`;
      const shown = blocks.filter((block) => block.path === path && block.language === "yaml");
      assertEquals(shown.map(({ info }) => info), ["run-by: tests/examples/packages_test.ts"]);
      const published = `"jsr:@rocket-launching/${name}@^0.1`;
      const allow = blocks.find((block) => block.path === path && block.language === "json")!;
      assertStringIncludes(allow.text, published);
      await writeData[name](cwd);
      const { text } = shown[0]!;
      assertStringIncludes(text, published);
      const pipeline = text.replaceAll(published, `"${join(folder, "mod.ts")}`);
      await Deno.writeTextFile(join(cwd, "pipeline.yaml"), pipeline);
      const args = ["--out", "run", "--quiet", "--allow-plugin", join(folder, "mod.ts")];
      const { code, stdout, stderr } = await rocket(["pipeline.yaml", ...args], { cwd });
      assertEquals([code, stderr], [0, ""]);
      assertMatch(stdout, /^light /m);
      const result = JSON.parse(await Deno.readTextFile(join(cwd, "run", runFiles.result)));
      assert(Object.values<number>(result.test.light).every(Number.isFinite), stdout);
      if (name === "depthwise-net") await assertExported(cwd);
    }));

  Deno.test(`the package ${name} can be published, with its module, README, and license`, () =>
    inFolder(async (cwd) => {
      for (const { name } of Deno.readDirSync(folder)) {
        await Deno.copyFile(join(folder, name), join(cwd, name));
      }
      const file = join(cwd, "deno.json");
      const config = JSON.parse(await Deno.readTextFile(file));
      const { name: full, version, license, exports, publish } = config;
      assertEquals([full, version, license, exports], [
        `@rocket-launching/${name}`,
        "0.1.0",
        "MIT",
        "./mod.ts",
      ]);
      assertEquals(
        Array.from(Deno.readDirSync(cwd), ({ name }) => name)
          .filter((name) => !publish.exclude.includes(name)).toSorted(),
        ["LICENSE", "README.md", "deno.json", "mod.ts"],
      );
      const links = [root, join(root, "src", "launch", "compat", "assert")];
      await Deno.writeTextFile(file, JSON.stringify({ ...config, links, lock: false }));
      const dry = ["publish", "--dry-run", "--allow-dirty", "--no-check", "--quiet"];
      const { code, stderr } = await deno(dry, { cwd });
      assertEquals([code, stderr.includes("Warning")], [0, false], stderr);
    }));
}
