import { assertEquals, assertStringIncludes } from "@std/assert";
import { tableFromIPC, tableToIPC } from "apache-arrow";
import { join } from "node:path";
import { rocket } from "../support/command_line.ts";
import { dataFolder, digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";

/** Runs a function in a folder with a run, an exported net, and rows. */
async function withRun(use: (folder: string, env: Record<string, string>) => Promise<void>) {
  const pipeline = digitsPipeline({ train: { epochs: 1, batch: 256 }, outputs: ["checkpoint"] });
  await withPipeline(pipeline, async (file, folder) => {
    await runFile(file, join(folder, "run"), "wasm");
    const test = tableFromIPC(await Deno.readFile(join(dataFolder, "digits-test.arrow")));
    await Deno.writeFile(join(folder, "rows.arrow"), tableToIPC(test.slice(0, 20), "file"));
    // The GPU build may be set up on this machine.
    await use(folder, { ROCKET_CACHE: join(folder, "cache") });
  });
}

/** The commands that compute predictions, without options of the engine. */
const commands: Readonly<Record<string, readonly string[]>> = {
  predict: ["predict", "run", "rows.arrow", "--out", "out.csv"],
  evaluate: ["evaluate", "run"],
  report: ["report", "run", "--out", "report.html"],
  serve: ["serve", "run", "--port", "0"],
};

Deno.test("predict, evaluate, report, and serve use the native engine with --device gpu", () =>
  withRun(async (cwd, env) => {
    for (const [name, args] of Object.entries(commands)) {
      for (const engine of [[], ["--engine", "auto"], ["--engine", "native"]]) {
        const { code, stderr } = await rocket([...args, ...engine, "--device", "gpu"], {
          cwd,
          env,
        });
        assertEquals(code, 1, `${name}: ${stderr}`);
        assertStringIncludes(stderr, "TensorFlow is not set up for GPUs");
        assertStringIncludes(stderr, "or remove --device gpu");
      }
      for (const engine of ["onnx", "wasm"]) {
        const { code, stderr } = await rocket([...args, "--engine", engine, "--device", "gpu"], {
          cwd,
          env,
        });
        assertEquals(code, 2, `${name}: ${stderr}`);
        assertStringIncludes(
          stderr,
          `--device gpu needs the native engine, but --engine is ${engine}`,
        );
      }
    }
  }));

Deno.test("predict and evaluate compute on the CPU with --device cpu, with every engine", () =>
  withRun(async (cwd) => {
    const files = new Set<string>(), metrics = new Set<string>();
    for (const engine of ["onnx", "native", "wasm"]) {
      const options = ["--engine", engine, "--device", "cpu"];
      const predicted = await rocket(
        [...commands.predict!, "--keep", "digit", ...options],
        { cwd },
      );
      assertEquals(predicted.code, 0, predicted.stderr);
      const lines = (await Deno.readTextFile(join(cwd, "out.csv"))).trim().split("\n");
      // Engines differ in the last digits of scores.
      files.add(lines.map((line) => line.split(",").slice(0, 2).join()).join("\n"));
      const evaluated = await rocket([...commands.evaluate!, "--json", ...options], { cwd });
      assertEquals(evaluated.code, 0, evaluated.stderr);
      metrics.add(JSON.parse(evaluated.stdout).metrics.light.accuracy);
    }
    assertEquals([files.size, metrics.size], [1, 1]);
  }));

Deno.test("an exported net is never computed on a GPU, and predict says so", () =>
  withRun(async (cwd, env) => {
    const exported = await rocket(["export", "run", "--format", "onnx", "--out", "exported"], {
      cwd,
    });
    assertEquals(exported.code, 0, exported.stderr);
    const args = ["predict", "exported", "rows.arrow", "--out", "out.csv", "--device"];
    const gpu = await rocket([...args, "gpu"], { cwd, env });
    assertEquals(gpu.code, 2, gpu.stderr);
    assertStringIncludes(gpu.stderr, "--device needs a run folder, but exported is an export");
    const cpu = await rocket([...args, "cpu"], { cwd });
    assertEquals(cpu.code, 0, cpu.stderr);
  }));
