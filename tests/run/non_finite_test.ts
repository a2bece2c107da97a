import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { CapturedFunction } from "../../src/engine/capture/capture.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { SafetensorsFile } from "../../src/base/files/safetensors_stream.ts";
import { formatProblem, UserError } from "../../src/base/errors.ts";
import type { StepEvent } from "../../src/stages/events.ts";
import type { Optimizer } from "../../src/stages/optimizer.ts";
import adam from "../../plugins/optimizers/adam.ts";
import { type NonFinite, Steps, type TrainInput } from "../../src/run/steps.ts";
import {
  disposeState,
  initialState,
  type Model,
  tensorsOf,
  trainStep,
} from "../../src/train/step.ts";
import { disposeInput, optimizerScalars } from "../../src/train/step_input.ts";
import { DeclaredVariables } from "../../src/train/variables.ts";
import { Death, dyingAt } from "../support/deaths.ts";
import { forEachEngine } from "../support/engines.ts";
import { digitsPipeline, pluginApi, runFile, withPipeline } from "../support/pipelines.ts";

const rows = 12, size = 3;

/**
 * A net that reads rows of a table, a kernel, and keeps count in a variable that is not trained. A
 * label of 0 gives a finite loss whose gradient is not finite, and a label of −1 a loss that is
 * not.
 */
function build(): Model {
  const variables = new DeclaredVariables();
  const initializer = { kind: "constant", value: 0 } as const;
  const table = variables.add({
    name: "table",
    shape: [rows, size],
    initializer,
    owner: "shared",
    table: true,
  });
  const kernel = variables.add({ name: "kernel", shape: [size, 1], initializer, owner: "light" });
  const count = variables.add({
    name: "count",
    shape: [],
    initializer,
    owner: "light",
    trainable: false,
  });
  return {
    pair: {
      light: ({ ids }, scope) => {
        scope.update(count, tf.add(scope.read(count), 1));
        return { logits: tf.matMul(scope.lookup(table, ids!), scope.read(kernel)) };
      },
    },
    variables: variables.all,
    terms: [{
      form: "task",
      name: "mine",
      stage: { kind: "loss", name: "mine" },
      weight: 1,
      policy: [{ from: 1, to: 1, shared: 1 }],
      compute: (output, label) =>
        tf.add(
          tf.sqrt(tf.mul(tf.square(tf.sum(output, -1)), label)),
          tf.sum(tf.square(output), -1),
        ),
      on: { net: "light", output: "logits" },
    }],
    optimizer: adam.create(adam.options.parse({}), {}) as Optimizer,
    optimizerStage: { kind: "optimizer", name: "adam" },
  };
}

const start = (model: Model) =>
  initialState(model, {
    table: tf.tensor2d(Float32Array.from({ length: rows * size }, (_, i) => 1 + i / 7), [
      rows,
      size,
    ]),
    kernel: tf.tensor2d([0.5, -1, 2], [size, 1]),
    count: tf.scalar(0),
  });

/**
 * Batches of two rows; of the second and fourth one the loss's gradient is NaN, of the fifth the
 * loss.
 */
const batches: readonly (readonly [ids: number[], label: number[]])[] = [
  [[0, 3], [1, 1]],
  [[3, 5], [1, 0]],
  [[3, 11], [2, 1]],
  [[0, 0], [0, 0]],
  [[7, 0], [-1, 1]],
  [[5, 3], [1, 3]],
];
const good = [0, 2, 5];

/** Steps through some of the batches, and gives what is left of the state and what was told. */
async function train(chosen: readonly number[], nonFinite: NonFinite, captured = false) {
  const model = build();
  const step = ({ state, input }: TrainInput) => trainStep(model, state, input);
  const graph = new CapturedFunction(step);
  const steps = new Steps(captured ? graph : { call: step }, {
    model,
    network: { kind: "network", name: "mine" },
    place: undefined,
    nonFinite,
    maxSkipped: 10,
  });
  let state = start(model);
  const skipped: boolean[] = [], norms: number[] = [], counts: number[] = [];
  let error: unknown;
  for (const index of chosen) {
    const [ids, label] = batches[index]!;
    const input = {
      features: { ids: tf.tensor1d(ids, "int32") },
      label: tf.tensor1d(label),
      learningRate: tf.scalar(0.1),
      step: tf.scalar(index + 1),
      scalars: optimizerScalars(model, { step: index + 1, learningRate: 0.1 }),
      seed: tf.scalar(0, "int32"),
      factors: [],
    };
    try {
      const taken = await steps.take(state, [input], `at step ${index + 1}`);
      state = taken.state;
      skipped.push(taken.skipped);
      norms.push(taken.gradientNorm);
    } catch (thrown) {
      error = thrown;
      break;
    } finally {
      disposeInput(input);
    }
    counts.push(tf.memory().numTensors);
  }
  const values = tensorsOf(state).map((tensor) => [...tensor.dataSync()]);
  disposeState(state);
  graph.dispose();
  return { values, skipped, norms, error, counts };
}

for (const captured of [false, true]) {
  const how = captured ? "captured" : "eager";
  forEachEngine(
    `a skipped step (${how}) leaves variables, slots and tables unchanged, bit for bit`,
    async () => {
      const all = await train([...batches.keys()], "skip", captured);
      assertEquals(all.error, undefined);
      assertEquals(all.skipped, [false, true, false, true, true, false]);
      assertEquals(all.norms.map(Number.isFinite), all.skipped.map((skipped) => !skipped));
      const without = await train(good, "skip", captured);
      assertEquals(all.values, without.values);
      assert(all.values.flat().every(Number.isFinite));
      // A skipped step leaves no tensor behind, nor does it take one away.
      assertEquals(new Set(all.counts.slice(2)).size, 1);
    },
  );

  forEachEngine(
    `a step that stops the run (${how}) leaves the state before it unchanged`,
    async () => {
      const stopped = await train([0, 1], "stop", captured);
      assert(stopped.error instanceof UserError);
      const text = formatProblem(stopped.error.problems[0]!);
      assertStringIncludes(text, "the loss mine has a gradient that is not finite at step 2");
      assertStringIncludes(text, "; losses: mine = ");
      assertEquals(stopped.values, (await train([0], "stop", captured)).values);
    },
  );
}

/** A loss that is NaN in a batch whose first label is 3, and a gradient that is where it is 5. */
const sometimes = {
  "sometimes.ts": `import { defineLoss, tf, z } from "${pluginApi}";
export default defineLoss({
  name: "sometimes", summary: "Is not always finite.", form: "task", options: z.object({}),
  create: () => (output, label) => {
    const first = tf.slice(label, [0], [1]);
    const zero = tf.where(tf.equal(first, 5), tf.zerosLike(tf.cast(first, "float32")), tf.onesLike(tf.cast(first, "float32")));
    const nan = tf.where(tf.equal(first, 3), tf.fill([1], NaN), tf.zeros([1]));
    return tf.add(tf.sum(tf.sqrt(tf.mul(tf.square(output), zero)), -1), tf.mul(nan, tf.sum(output, -1)));
  },
});
`,
};
const parts = {
  losses: [{ use: "./sometimes.ts", on: "light" }],
  train: { epochs: 3, batch: 64, nonFinite: "skip" },
};
const current = () => tf.getBackend() === "wasm" ? "wasm" : "native";

forEachEngine("runPlan() counts and reports skipped steps", async () => {
  await withPipeline(digitsPipeline(parts), async (file, folder) => {
    const told: StepEvent[] = [];
    const { result, evaluations } = await runFile(file, join(folder, "run"), current(), {
      step: (event) => void told.push(event),
    });
    const skipped = told.filter(({ skipped }) => skipped);
    assertEquals(result.skipped, skipped.length);
    assert(skipped.length > 0 && skipped.length < told.length / 2);
    for (const { skipped, gradientNorm } of told) {
      assertEquals(Number.isFinite(gradientNorm), !skipped);
    }
    // Some were skipped for their loss and some for their gradients; the means count neither.
    assertEquals(new Set(skipped.map(({ loss }) => Number.isNaN(loss))).size, 2);
    const means = evaluations.filter(({ split }) => split === "train");
    assert(means.every(({ metrics }) => Number.isFinite(metrics.loss)));
  }, sometimes);
});

/**
 * Losses of one formula: of all rows in each step, so that their order changes nothing but the last
 * bits.
 */
const spoilt = (name: string, spoils: string) => ({
  [`${name}.ts`]: `import { defineLoss, tf, z } from "${pluginApi}";
export default defineLoss({
  name: "${name}", summary: "May be NaN.", form: "task", options: z.object({}),
  create: () => (output, label) => {
    const one = tf.oneHot(tf.cast(label, "int32"), 10);
    const each = tf.neg(tf.sum(tf.mul(one, tf.logSoftmax(output)), -1));
    const first = tf.slice(label, [0], [1]);
    return tf.add(each, tf.where(${spoils}, tf.fill([1], NaN), tf.zeros([1])));
  },
});
`,
});

/** Trains with Adam on 64 rows, a step an epoch, and gives the tensors of the last checkpoint. */
async function adamOf(loss: string, epochs: number, nonFinite: NonFinite = "skip") {
  const pipeline = digitsPipeline({
    network: { use: "mlp", light: [8] },
    losses: [{ use: `./${loss}.ts`, on: "light" }],
    optimizer: { use: "adam", learningRate: 0.01 },
    train: { epochs, batch: 64, evaluateEvery: epochs, nonFinite },
    metrics: [],
    outputs: ["checkpoint"],
  });
  const data = { ...pipeline.data as Record<string, unknown>, rows: 64 };
  return await withPipeline({ ...pipeline, data }, async (path, folder) => {
    const { result, reports } = await runFile(path, join(folder, "run"), current());
    const name = `rocket-${String(epochs).padStart(6, "0")}.safetensors`;
    const file = await SafetensorsFile.open(join(folder, "run", "checkpoints", name));
    const tensors = new Map<string, Float32Array>();
    for (const tensor of file.entries.keys()) tensors.set(tensor, await file.floats(tensor));
    const { optimizerSteps } = file.metadata;
    file.close();
    return { skipped: result.skipped ?? 0, reports, tensors, steps: Number(optimizerSteps) };
  }, {
    ...spoilt("steady", "tf.less(first, 0)"),
    // A third of the digits; each epoch has another row first.
    ...spoilt("moody", "tf.less(first, 3)"),
  });
}

forEachEngine(
  "skipped steps do not advance Adam's bias correction",
  async () => {
    const moody = await adamOf("moody", 12);
    assert(moody.skipped > 1 && moody.skipped < 10, `${moody.skipped}`);
    const steady = await adamOf("steady", 12 - moody.skipped);
    assertEquals([moody.steps, steady.steps], [12 - moody.skipped, 12 - moody.skipped]);
    assertEquals([...moody.tensors.keys()], [...steady.tensors.keys()]);
    for (const [name, values] of moody.tensors) {
      const other = steady.tensors.get(name)!;
      const most = values.reduce(
        (most, value, index) => Math.max(most, Math.abs(value - other[index]!)),
        0,
      );
      assert(most < 1e-5, `${name}: ${most}`);
    }
  },
);

Deno.test("batches that are skipped after a rollback do not advance Adam's bias correction", async () => {
  await openEngine("wasm", () => {});
  const { reports, steps } = await adamOf("moody", 4, "back");
  const times = reports.filter((line) => line.includes("is skipped")).length;
  assert(times > 0);
  assertEquals(steps, 4 - times);
});

const always = {
  "always.ts": `import { defineLoss, tf, z } from "${pluginApi}";
export default defineLoss({
  name: "always", summary: "Has no gradient at all.", form: "task", options: z.object({}),
  create: () => (output) => tf.sum(tf.sqrt(tf.mul(output, 0)), -1),
});
`,
};

/** What a person reads of a run that fails. */
async function failureOf(
  parts: Record<string, unknown>,
  files: Record<string, string>,
): Promise<string> {
  return await withPipeline(digitsPipeline(parts), async (file, folder) => {
    const error = await assertRejects(
      () => runFile(file, join(folder, "run"), current()),
      UserError,
    );
    return error.problems.map(formatProblem).join("\n").replaceAll(folder, "FOLDER");
  }, files);
}

forEachEngine("runPlan() ends a run that skips too many steps in a row", async () => {
  const text = await failureOf({
    losses: [{ use: "./always.ts", on: "light" }],
    train: { epochs: 1, batch: 64, nonFinite: "skip", maxSkipped: 3 },
  }, always);
  assertStringIncludes(text, "at step 4 (epoch 1), after 3 skipped steps in a row");
  assertStringIncludes(text, "the loss always(light) has a gradient that is not finite");
  assertStringIncludes(text, "pipeline.yaml:");
});

forEachEngine("a resumed run continues to count steps skipped in a row", async () => {
  const pipeline = digitsPipeline({
    losses: [{ use: "./always.ts", on: "light" }],
    train: { epochs: 1, batch: 64, nonFinite: "skip", maxSkipped: 3 },
    outputs: [{ use: "checkpoint", everySteps: 1 }],
  });
  await withPipeline(pipeline, async (file, folder) => {
    const out = join(folder, "run");
    await assertRejects(() => runFile(file, out, current(), dyingAt(2)), Death);
    await assertRejects(
      () => runFile(file, out, current(), {}, { resume: true }),
      UserError,
      "at step 4 (epoch 1), after 3 skipped steps in a row",
    );
  }, always);
});

forEachEngine(
  "runPlan() names the network if its gradient is not finite although its outputs are",
  async () => {
    const text = await failureOf({
      network: { use: "./mine.ts" },
      losses: [{ use: "cross-entropy", on: "light" }],
    }, {
      "mine.ts": `import { defineNetwork, tf, z } from "${pluginApi}";
export default defineNetwork({
  name: "mine", summary: "Takes a root of 0.", options: z.object({}),
  create(_options, { units, variables }) {
    const kernel = variables.add({
      name: "kernel", shape: [64, units], initializer: { kind: "normal", deviation: 1 }, owner: "light",
    });
    return {
      light: ({ image }, scope) => {
        const x = tf.matMul(tf.reshape(image, [-1, 64]), scope.read(kernel));
        return { logits: tf.sqrt(tf.mul(x, 0)) };
      },
    };
  },
});
`,
    });
    assertStringIncludes(
      text,
      'the network "./mine.ts" has a gradient that is not finite at step 1 (epoch 1): the gradient of',
    );
    assertStringIncludes(text, "cross-entropy(light) = 2.3");
  },
);

forEachEngine("runPlan() names the last good checkpoint", async () => {
  const text = await failureOf({
    optimizer: { use: "./mine.ts", learningRate: 0.01 },
    train: { epochs: 3, batch: 128 },
    outputs: ["checkpoint"],
    metrics: [],
  }, {
    "mine.ts": `import { defineOptimizer, tf, z } from "${pluginApi}";
export default defineOptimizer({
  name: "mine", summary: "Fails at step 14.", options: z.object({}), slots: {},
  create: () => ({ value, gradient, learningRate, step }) => ({
    value: tf.sub(value, tf.mul(gradient, tf.div(learningRate, tf.cast(tf.notEqual(step, 14), "float32")))),
    slots: {},
  }),
});
`,
  });
  assertStringIncludes(text, "before the batch at step 15 (epoch 2)");
  assertStringIncludes(text, "the last good checkpoint is FOLDER/run/checkpoints/");
});

forEachEngine("runPlan() clips gradients that would end the run", async () => {
  const wild = { optimizer: { use: "sgd", learningRate: 1e9, momentum: 0.9 }, metrics: [] };
  assertStringIncludes(await failureOf(wild, {}), "lower the learning rate");
  const train = { epochs: 1, batch: 128, clip: { norm: 1e-9 } };
  await withPipeline(digitsPipeline({ ...wild, train }), async (file, folder) => {
    const { result } = await runFile(file, join(folder, "run"), current());
    assertEquals(result.skipped, 0);
  });
});
