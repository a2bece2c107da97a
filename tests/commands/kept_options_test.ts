import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { stringify } from "yaml";
import { assertSame, readTrained, writeClicks } from "../cluster/processes.ts";
import { inFolder, rocket } from "../support/command_line.ts";
import { digitsPipeline } from "../support/pipelines.ts";

/** There is no native engine on Windows. */
const ignore = Deno.build.os === "windows";

/** Trains a pipeline with and without XLA, in two parts, and compares the weights and metrics. */
async function compare(folder: string, file: string): Promise<void> {
  const train = async (args: readonly string[]) => {
    const { code, stderr } = await rocket([...args, "--engine", "native"], { cwd: folder });
    assertEquals(code, 0, stderr);
    assertEquals(stderr.includes("op by op"), false, stderr);
    return stderr;
  };
  const epochs = (count: number) => ["--epochs", String(count)];
  await train([file, "--out", "plain", ...epochs(2)]);
  const started = await train([file, "--out", "compiled", "--xla", ...epochs(1)]);
  assertStringIncludes(started, ", XLA)");
  // A resumed run keeps the option.
  assertStringIncludes(await train(["resume", "compiled", ...epochs(2)]), ", XLA)");
  const [plain, compiled] = ["plain", "compiled"].map((name) => readTrained(join(folder, name)));
  assertSame(plain!, compiled!);
}

Deno.test({
  name: "--xla trains nets without tables to the same weights, up to rounding",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const train = { batch: 64, baseline: "none" };
      const pipeline = digitsPipeline({ train, outputs: undefined });
      await Deno.writeTextFile(join(folder, "digits.yaml"), stringify(pipeline));
      await compare(folder, "digits.yaml");
    }),
});

Deno.test({
  name: "--xla trains nets with tables to the same weights, up to rounding",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      writeClicks(folder, "{ batch: 20, baseline: none }");
      await compare(folder, "p.yaml");
    }),
});

Deno.test({
  name: "a run with --deterministic keeps the option when it is resumed",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      writeClicks(folder, "{ batch: 20, baseline: none }");
      const args = ["p.yaml", "--out", "run", "--deterministic", "--engine", "native"];
      for (const [number, own] of [[1, args], [2, ["resume", "run"]]] as const) {
        const { code, stderr } = await rocket([...own, "--epochs", String(number)], {
          cwd: folder,
        });
        assertEquals(code, 0, stderr);
        assertStringIncludes(stderr, ", deterministic)");
      }
    }),
});
