import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { readPlan } from "../../src/run/read_plan.ts";
import { UserError } from "../../src/base/errors.ts";
import { type MetricValue, undefinedMetric } from "../../src/stages/metric.ts";
import { Patience } from "../../src/run/selection.ts";
import { forEachEngine } from "../support/engines.ts";
import { digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";
import * as tf from "@tensorflow/tfjs";

const current = () => tf.getBackend() === "wasm" ? "wasm" as const : "native" as const;

const metric = (better: "higher" | "lower") => ({
  metrics: [{
    stage: { kind: "metric", name: "m" },
    name: "m",
    per: "net",
    better,
    values: "one",
    metric: {},
  }],
  nets: ["light"],
} as unknown as ConstructorParameters<typeof Patience>[1]);

/** After how many epochs of some values training ends, or undefined. */
function endOf(
  values: readonly MetricValue[],
  options: { minDelta?: number; better?: "higher" | "lower" } = {},
) {
  const { minDelta = 0, better = "higher" } = options;
  const stop = { metric: "light/m", patience: 2, minDelta };
  const patience = new Patience({}, metric(better), stop);
  for (const [index, value] of values.entries()) {
    patience.watch(index + 1, { test: { "light/m": value } });
    if (patience.isOver(index + 1)) return index + 1;
  }
  return undefined;
}

Deno.test("Patience ends after a number of epochs without a better value, for higher and lower metrics", () => {
  assertEquals(endOf([1, 2, 1, 3, 2, 3]), 6);
  assertEquals(endOf([1, 2, 3, 4]), undefined);
  assertEquals(endOf([4, 3, 2, 2, 2], { better: "lower" }), 5);
});

Deno.test("Patience ignores gains up to minDelta, and epochs without a value", () => {
  assertEquals(endOf([1, 1.25, 1.5, 9], { minDelta: 0.5 }), 3);
  assertEquals(endOf([1, 1.25, 2, 9], { minDelta: 0.5 }), undefined);
  const none = undefinedMetric("one class");
  assertEquals(endOf([none, none]), 2);
  assertEquals(endOf([none, 1, none, 2]), undefined);
});

Deno.test("Patience never ends if the metric is not measured", () => {
  const stop = { metric: "booster/m", patience: 1, minDelta: 0 };
  const patience = new Patience({}, metric("higher"), stop);
  patience.watch(1, { test: { "light/m": 1 } });
  assert(!patience.isOver(9));
});

/** At this rate nothing changes after the first epoch, which is then the best. */
const still = digitsPipeline({
  optimizer: { use: "sgd", learningRate: 1e-30 },
  train: { epochs: 6, batch: 360, baseline: "light-alone", stop: { patience: 2 } },
  outputs: [{ use: "checkpoint", everySteps: 1 }],
});

forEachEngine(
  "a run ends when its metric stops improving, and its result says so",
  async () => {
    await withPipeline(still, async (file, folder) => {
      const { result, evaluations } = await runFile(file, join(folder, "run"), current());
      assertEquals([result.epochs, result.stopped, result.steps], [3, true, 12]);
      assertEquals([result.baseline?.epochs, result.baseline?.stopped], [3, true]);
      assertEquals(Math.max(...evaluations.map(({ epoch }) => epoch)), 3);
      assertEquals(result.best.epoch, 1);
    });
  },
);

forEachEngine(
  "a resumed run ends early at the same epoch, and is then complete",
  async () => {
    await withPipeline(still, async (file, folder) => {
      const whole = await runFile(file, join(folder, "whole"), current());
      const out = join(folder, "run");
      const stop = new AbortController();
      await assertRejects(() =>
        runFile(file, out, current(), {
          step: ({ step, job }) => {
            // In the middle of the third epoch, after one that was no better.
            if (job === "rocket" && step === 9) stop.abort();
          },
        }, { signal: stop.signal })
      );
      const { result } = await runFile(file, out, current(), {}, { resume: true });
      assertEquals([result.epochs, result.stopped, result.steps], [3, true, 12]);
      assertEquals(result.test, whole.result.test);
      assertEquals(result.baseline?.epochs, 3);
    });
  },
);

Deno.test("`stop` with a metric that the run does not have is refused with its place", async () => {
  const train = { epochs: 6, batch: 359, stop: { metric: "light/gauc" } };
  await withPipeline(digitsPipeline({ train }), async (file) => {
    const error = await assertRejects(() => readPlan(file), UserError);
    const { message, hint, place } = error.problems[0]!;
    assertEquals(message, 'train.stop.metric: this pipeline has no metric "light/gauc"');
    assertEquals(hint, "the metrics are light/accuracy, booster/accuracy");
    assert(place?.line);
  });
});
