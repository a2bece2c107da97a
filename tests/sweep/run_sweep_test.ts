import { assert, assertEquals, assertRejects } from "@std/assert";
import { tableFromIPC } from "apache-arrow";
import { join } from "node:path";
import { Interruption, UserError } from "../../src/base/errors.ts";
import { hasOnnxRuntime } from "../../src/base/machine/onnx_packages.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { defineSweep, type SweepFile } from "../../src/pipeline/sweep_file/define.ts";
import { runPipeline } from "../../src/run/run_pipeline.ts";
import { runSweep } from "../../src/sweep/run_sweep.ts";
import { inFolder } from "../support/command_line.ts";
import { digitsPipeline } from "../support/pipelines.ts";
import { defineNetwork, tf, z } from "../../plugin.ts";
import mseHint from "../../plugins/losses/mse_hint.ts";

const parts = { outputs: ["checkpoint", "result"], train: { epochs: 1, batch: 256 } };
const base = digitsPipeline(parts) as unknown as Pipeline;
const alone = { losses: [{ use: "cross-entropy", on: "light" }] } as const;
const engine = "wasm";

Deno.test("runSweep() runs each setting like runPipeline(), and only once", () =>
  inFolder(async (folder) => {
    const out = join(folder, "sweep");
    const sweep: SweepFile = defineSweep({
      base,
      seeds: [1, 2],
      // A stage object, which could not be passed to another process.
      settings: { alone, rocket: { "losses.2": { use: mseHint, weight: 0.1 } } },
      latency: { batch: 4 },
    });
    const started: string[] = [];
    const listener = (run: string) => ({ runStart: () => void started.push(run) });
    const { table, failures, files } = await runSweep(sweep, { engine, out, listener });
    assertEquals(failures, []);
    assertEquals(started, ["alone/seed-1", "rocket/seed-1", "alone/seed-2", "rocket/seed-2"]);
    const rocket = table.rows.find(({ setting }) => setting === "rocket")!;
    const same = await runPipeline(base, {
      ...{ engine, out: join(folder, "same"), quiet: true },
      set: ["losses.2.weight=0.1", "seed=2", "train.baseline=none"],
    });
    assertEquals(rocket.metrics.last["light/accuracy"]?.values[1], same.test.light!.accuracy);
    assert(rocket.latency! > 0);
    const measured = hasOnnxRuntime() ? "onnx" : "wasm";
    assertEquals(table.latency, { engine: measured, batch: 4 });
    const arrow = files.find((file) => file.endsWith("runs.arrow"))!;
    assertEquals(tableFromIPC(await Deno.readFile(arrow)).numRows, 4);

    // Without a downloaded ONNX Runtime, the engine of the runs measures the latency.
    const before = Deno.env.get("DENO_DIR");
    Deno.env.set("DENO_DIR", join(folder, "empty"));
    try {
      const again = await runSweep(sweep, { engine, out, listener, set: [] });
      assertEquals(again.table.latency, { engine: "wasm", batch: 4 });
      assert(again.table.rows.every(({ latency }) => latency! > 0));
    } finally {
      if (before === undefined) Deno.env.delete("DENO_DIR");
      else Deno.env.set("DENO_DIR", before);
    }
    assertEquals(started.length, 4);
  }));

Deno.test("the engine of a sweep's runs measures the latency of a net that ONNX cannot represent, unless the sweep requires ONNX Runtime", () =>
  inFolder(async (folder) => {
    // The number of rows determines which operations it performs.
    const unusual = defineNetwork({
      name: "unusual",
      summary: "Computes an operation for many rows only.",
      options: z.object({}),
      create: (_, { variables, units }) => {
        const weight = variables.add({
          ...{ name: "weight", owner: "light", shape: [64, units] },
          initializer: { kind: "constant", value: 0.1 },
        });
        return {
          light: ({ image }, scope) => {
            const rows = image!.shape[0]!;
            const logits = tf.matMul(tf.reshape(image!, [rows, 64]), scope.read(weight));
            return { logits: rows > 1500 ? tf.neg(logits) : logits };
          },
        };
      },
    });
    const sweep = (wanted: "auto" | "onnx") =>
      defineSweep({
        base: { ...base, ...alone, network: { use: unusual } } as unknown as Pipeline,
        seeds: [1],
        settings: { a: {} },
        latency: { engine: wanted },
      });
    const out = join(folder, "sweep"), reports: string[] = [];
    const report = (line: string) => void reports.push(line);
    const { table } = await runSweep(sweep("auto"), { engine, out, report });
    assertEquals(table.latency, { engine: "wasm", batch: 1 });
    const why = "it performs different operations for different numbers of rows";
    assertEquals(reports.some((line) => line.includes(why)), hasOnnxRuntime());
    const error = await assertRejects(() => runSweep(sweep("onnx"), { engine, out }), UserError);
    if (hasOnnxRuntime()) assert(error.message.includes(why), error.message);
  }));

Deno.test("runSweep() continues after a failed run and reports the failure", () =>
  inFolder(async (folder) => {
    const refused = "this run only";
    const sweep = defineSweep({
      base,
      seeds: [1],
      settings: { alone, rocket: {} },
      latency: "none",
    });
    const { table, failures } = await runSweep(sweep, {
      ...{ engine, out: join(folder, "sweep") },
      listener: (run) => ({
        runStart() {
          if (run === "alone/seed-1") throw new UserError(refused);
        },
      }),
    });
    assertEquals(failures.map(({ run, error }) => [run, error.message.includes(refused)]), [
      ["alone/seed-1", true],
    ]);
    assertEquals(table.rows.find(({ setting }) => setting === "rocket")!.seeds, [1]);
  }));

Deno.test("runSweep() rejects a wrong sweep before any run, and stops if its signal is aborted", () =>
  inFolder(async (folder) => {
    const out = join(folder, "sweep");
    const wrong = defineSweep({ base, seeds: [1], settings: { a: { "losses.2.weihgt": 1 } } });
    const error = await assertRejects(() => runSweep(wrong, { engine, out }), UserError);
    assertEquals(error.exitCode, 2);
    const sweep = defineSweep({ base, seeds: [1], settings: { alone }, latency: "none" });
    const signal = AbortSignal.abort();
    await assertRejects(() => runSweep(sweep, { engine, out, signal }), Interruption);
    // The same call resumes the runs.
    const { table } = await runSweep(sweep, { engine, out });
    assertEquals(table.rows[0]!.seeds, [1]);
  }));
