import { assert, assertEquals } from "@std/assert";
import { deno } from "../support/command_line.ts";

/** The names that a module exports, as `deno doc` sees them. */
async function exportsOf(module: string): Promise<string[]> {
  const { code, stdout, stderr } = await deno(["doc", "--json", "--quiet", module]);
  assertEquals(code, 0, stderr);
  const { nodes } = JSON.parse(stdout) as {
    readonly nodes: Record<string, { readonly symbols: readonly { readonly name: string }[] }>;
  };
  return Object.values(nodes).flatMap(({ symbols }) => symbols.map(({ name }) => name));
}

Deno.test("mod.ts exports what a program needs, at most 60 symbols", async () => {
  const names = await exportsOf("mod.ts");
  assert(names.length <= 60, `${names.length} symbols: ${names.join(", ")}`);
  for (
    const name of [
      ...["definePipeline", "checkPipeline", "runPipeline", "resumeRun", "defineSweep", "runSweep"],
      ...["Pipeline", "SweepFile", "CheckResult", "Result", "SweepResult", "RunEvents"],
      ...["Problem", "UserError", "Interruption"],
    ]
  ) {
    assert(names.includes(name), name);
  }
});

Deno.test("plugin.ts exports tf and z without adding their symbols to its documentation", async () => {
  const names = await exportsOf("plugin.ts");
  for (const name of ["tf", "z", "ops", "defineLoss", "LossStage"]) {
    assert(names.includes(name), name);
  }
  assert(!names.includes("ZodString"));
  const { stdout } = await deno(["doc", "--json", "--quiet", "plugin.ts"]);
  assert(!stdout.includes("squaredDifference"));
});

Deno.test("the documentation of each entry point passes deno doc --lint without an import map", async () => {
  const all = ["mod.ts", "model.ts", "plugin.ts", "testing.ts", "cli.ts"];
  for (const modules of [all, ...all.map((module) => [module])]) {
    const { code, stderr } = await deno(["doc", "--lint", "--quiet", ...modules]);
    assertEquals(code, 0, stderr);
  }
});
