import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readPlan } from "../../src/run/read_plan.ts";
import { openEngine } from "../../src/engine/engine.ts";
import * as tf from "@tensorflow/tfjs";
import { formatWarning, Interruption } from "../../src/base/errors.ts";
import { EVENT_NAMES, type WarningEvent } from "../../src/stages/events.ts";
import type { Output } from "../../src/stages/output.ts";
import { tryFirstBatch } from "../../src/run/first_batch.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { prepareJobs } from "../../src/run/run.ts";
import { nothingGiven } from "../../src/train/variables.ts";
import { warningsOf } from "../../src/run/warnings/warnings.ts";
import { forEachEngine } from "../support/engines.ts";
import { digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";

const data = digitsPipeline().data as Record<string, unknown>;
const told = {
  ...data,
  features: { image: { shape: [8, 8, 1] }, told: { column: "digit" } },
  transforms: [{ use: "scale", by: 20, feature: "image" }],
};
const current = () => tf.getBackend() === "wasm" ? "wasm" as const : "native" as const;
/** With logits as large as these, more is too much. */
const optimizer = { use: "sgd", learningRate: 1e-9 };
const train = { epochs: 1, batch: 512 };

forEachEngine(
  "a run sends warnings to outputs before it trains, and the one about its first loss after the first step",
  async () => {
    await withPipeline(
      digitsPipeline({ data: told, optimizer, train: { ...train, baseline: "light-alone" } }),
      async (file, folder) => {
        const events: string[] = [], warnings: WarningEvent[] = [];
        const listener = Object.fromEntries(EVENT_NAMES.map((name) => [name, (event: object) => {
          events.push(name);
          if (name === "warning") warnings.push(event as WarningEvent);
        }])) as Output;
        await runFile(file, join(folder, "run"), current(), listener);
        const [label, loss, ...others] = warnings.map(formatWarning);
        assertEquals(events.slice(0, 4), ["warning", "runStart", "warning", "warning"]);
        assertStringIncludes(label!, "warning: the feature told is read from the label's column");
        assertStringIncludes(label!, "pipeline.yaml:");
        assertStringIncludes(loss!, "the loss cross-entropy(light) is");
        assertStringIncludes(loss!, "but a uniform guess has the loss 2.30:");
        assertStringIncludes(others[0]!, "the loss cross-entropy(booster) is");
        // The light net alone, which trains after it, is not warned of again.
        assertEquals(others.length, 1);
      },
    );
  },
);

Deno.test("a resumed run does not repeat its warnings", async () => {
  await withPipeline(
    digitsPipeline({ data: told, optimizer, train: { ...train, epochs: 2 } }),
    async (file, folder) => {
      const out = join(folder, "run"), stop = new AbortController();
      const warnings: string[] = [];
      const warning = ({ message }: WarningEvent) => void warnings.push(message);
      const ended = await runFile(file, out, "wasm", { warning, step: () => stop.abort() }, {
        signal: stop.signal,
      }).then(() => undefined, (error) => error);
      assertEquals(ended instanceof Interruption, true);
      assertEquals(warnings.length, 3);
      await runFile(file, out, "wasm", { warning }, { resume: true });
      assertEquals(warnings.length, 3);
    },
  );
});

for (const name of ["quickstart", "digits", "distillation"]) {
  Deno.test(`pipelines/${name}.yaml has no warnings`, async () => {
    await openEngine("wasm");
    const plan = await readPlan(
      fileURLToPath(new URL(`../../pipelines/${name}.yaml`, import.meta.url)),
    );
    const data = await prepareData(plan);
    try {
      const { rocket: { phases } } = await prepareJobs(plan, data);
      const { warnings } = await tryFirstBatch(plan, data, phases[0]!, nothingGiven);
      assertEquals([...await warningsOf(data), ...warnings], []);
    } finally {
      await data.close();
    }
  });
}
