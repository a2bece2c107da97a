import { assert, assertEquals } from "@std/assert";
import { definePipeline, type Pipeline } from "../../src/pipeline/define.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import accuracy from "../../plugins/metrics/accuracy.ts";
import mseHint from "../../plugins/losses/mse_hint.ts";

const data = {
  train: { use: "arrow", path: "train.arrow" },
  test: { use: "arrow", path: ["test-1.arrow", "test-2.arrow"] },
  features: { image: { shape: [8, 8, 1] }, more: null },
  label: "digit",
} as const;

/** The parts that all pipelines in this file share. */
const common = {
  name: "digits",
  data,
  network: "mlp",
  losses: [{ use: "cross-entropy", on: "light" }],
  optimizer: { use: "sgd", learningRate: 0.1 },
  train: { epochs: 1, batch: 64 },
} as const satisfies Pipeline;

Deno.test("definePipeline() returns its argument", () => {
  assert(definePipeline(common) === common);
});

Deno.test("definePipeline() accepts everything that pipeline files may contain", async () => {
  const pipeline = definePipeline({
    ...common,
    seed: 3,
    data: {
      ...data,
      split: { validation: 0.1 },
      label: { column: "digit", classes: ["a", "b"], nulls: { fill: "a" } },
      transforms: ["normalize", { use: "crop", to: [4, 4], on: "all" }],
    },
    network: { use: "wide-resnet", booster: { depth: 16 }, light: { depth: 10, width: 2 } },
    losses: [
      { use: "cross-entropy", on: "light", labelSmoothing: 0.1 },
      "mse-hint",
      { use: mseHint, name: "again", gradient: { use: "scale", from: 0.5 } },
    ],
    optimizer: {
      use: "adam",
      learningRate: 1e-3,
      schedule: { use: "warm-up", for: 1, then: { use: "cosine" } },
    },
    metrics: ["accuracy", { use: accuracy, name: "again" }],
    outputs: [],
  });
  const { phases: [phase], resolved } = await readPlan(pipeline);
  assertEquals(phase!.losses.map(({ name }) => name), [
    "cross-entropy(light)",
    "mse-hint(booster→light)",
    "again",
  ]);
  assertEquals(resolved.seed, 3);
});

Deno.test("definePipeline() accepts any options for stages from files and packages", () => {
  definePipeline({
    ...common,
    network: { use: "./my_network.ts", anything: { goes: 1 } },
    losses: ["./my_loss.ts", { use: "jsr:@someone/losses", on: "light" }],
    metrics: ["npm:a-metric", { use: "https://example.com/metric.ts" }],
  });
});

Deno.test("definePipeline() accepts an incomplete pipeline if it extends others", () => {
  definePipeline({ extends: "base.yaml" });
  definePipeline({
    extends: ["a.yaml", "b.json"],
    network: { light: [8] },
    optimizer: { learningRate: 0.5, schedule: { by: 0.5 } },
    train: { epochs: 3 },
  });
});

// The type checker must find these mistakes: it reports a @ts-expect-error without an error.
Deno.test("definePipeline() rejects wrong options during type checking", () => {
  definePipeline({
    ...common,
    // @ts-expect-error: there is no such key
    sead: 1,
  });
  definePipeline({
    ...common,
    // @ts-expect-error: the network's option is misspelled
    network: { use: "mlp", lihgt: [8] },
  });
  definePipeline({
    ...common,
    // @ts-expect-error: the option is another network's
    network: { use: "mlp", sharing: "none" },
  });
  definePipeline({
    ...common,
    // @ts-expect-error: there is no such choice
    network: { use: "wide-resnet", sharing: "botom", booster: { depth: 16 } },
  });
  definePipeline({
    ...common,
    // @ts-expect-error: there is no such stage
    network: "mpl",
  });
  definePipeline({
    ...common,
    // @ts-expect-error: the option is a list
    network: { use: "mlp", light: 8 },
  });
  // @ts-expect-error: the learning rate is missing
  definePipeline({ ...common, optimizer: { use: "adam" } });
  definePipeline({
    ...common,
    // @ts-expect-error: the stage is of another kind
    optimizer: { use: mseHint, learningRate: 0.1 },
  });
  definePipeline({
    ...common,
    optimizer: {
      use: "sgd",
      learningRate: 1,
      // @ts-expect-error: the nested stage's option is misspelled
      schedule: { use: "warm-up", for: 1, than: "cosine" },
    },
  });
  definePipeline({
    ...common,
    data: {
      ...data,
      // @ts-expect-error: what fills nulls is a number or a text
      label: { column: "digit", nulls: { fill: true } },
    },
  });
  const { network: _, ...incomplete } = common;
  // @ts-expect-error: there is no network, and nothing that is extended
  definePipeline(incomplete);
  definePipeline({
    extends: "base.yaml",
    // @ts-expect-error: the change's option is misspelled
    network: { lihgt: [8] },
  });
  definePipeline({
    extends: "base.yaml",
    // @ts-expect-error: there is no such key
    sead: 1,
  });
});
