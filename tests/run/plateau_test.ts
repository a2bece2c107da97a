import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { forEachEngine } from "../support/engines.ts";
import { digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";

const current = () => tf.getBackend() === "wasm" ? "wasm" as const : "native" as const;

/** No accuracy is better by 10, so each evaluation but the first lowers the rate. */
const plateau = { use: "plateau", patience: 1, factor: 0.5, threshold: 10, relative: false };

forEachEngine(
  "plateau lowers the rate after evaluations, and a resumed run ends with the same bytes",
  () => {
    const pipeline = digitsPipeline({
      optimizer: { use: "adam", learningRate: 0.01, schedule: plateau },
      train: { epochs: 4, batch: 720 },
      outputs: [{ use: "checkpoint", everySteps: 1 }],
    });
    return withPipeline(pipeline, async (file, folder) => {
      const rates: number[] = [];
      const whole = await runFile(file, join(folder, "whole"), current(), {
        step: ({ learningRate }) => void rates.push(learningRate),
      });
      assertEquals(rates, [0.01, 0.01, 0.01, 0.01, 0.005, 0.005, 0.0025, 0.0025]);
      const out = join(folder, "run"), stop = new AbortController();
      await assertRejects(() =>
        runFile(file, out, current(), {
          // In the third epoch, after two evaluations.
          step: ({ step }) => step === 5 ? stop.abort() : undefined,
        }, { signal: stop.signal })
      );
      const { result } = await runFile(file, out, current(), {}, { resume: true });
      assertEquals(result.test, whole.result.test);
      const last = "rocket-000008.safetensors";
      const bytes = (run: string) =>
        Deno.readFile(join(folder, run, "checkpoints", last)).then((bytes) =>
          // Metadata at the beginning states when and how the run went on.
          bytes.subarray(8 + Number(new DataView(bytes.buffer).getBigUint64(0, true)))
        );
      assertEquals(await bytes("run"), await bytes("whole"));
    });
  },
);
