import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import {
  Field,
  Int32,
  List,
  Table,
  tableFromArrays,
  tableToIPC,
  vectorFromArray,
} from "apache-arrow";
import { join } from "node:path";
import { readPlan } from "../../src/run/read_plan.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { parse } from "yaml";
import { builtins } from "../../plugins/mod.ts";
import type { AnyStage } from "../../plugin.ts";
import { captured } from "../../src/train/captured.ts";
import { disposeInput, stepInput } from "../../src/train/step_input.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { netsOf, prepareNets } from "../../src/run/prepare_nets.ts";
import { disposeState, initialState, type StepInput, trainStep } from "../../src/train/step.ts";
import { rowsOf } from "../../src/train/tensors.ts";
import { initialValues } from "../../src/train/variables.ts";
import { forNative } from "../support/engines.ts";
import { digitsPipeline, withPipeline } from "../support/pipelines.ts";

/** An epoch has a batch of 24 rows and one of 17. */
const rows = 41, batch = 24, usualSteps = 50;

interface Trained {
  /** The losses, step by step. */
  readonly losses: number[][];
  /** Variables and slots in the end. */
  readonly state: Record<string, Float32Array>;
  readonly reports: string[];
}

/** Trains on the first rows of a pipeline's data, each step as a graph or op by op. */
async function train(
  pipeline: Record<string, unknown>,
  replay: boolean,
  steps: number,
): Promise<Trained> {
  const plan = await readPlan(pipeline as unknown as Pipeline);
  const data = await prepareData(plan);
  const { model, learningRate } = prepareNets(plan, data, netsOf(plan));
  type Input = { state: typeof state; input: StepInput };
  const reports: string[] = [];
  const step = captured(
    "training step",
    { report: (line) => void reports.push(line), debug: true },
    ({ state, input }: Input) => trainStep(model, state, input),
    ({ input }) => rowsOf(input),
  );
  let state = initialState(model, initialValues(model.variables, plan.seed));
  const losses: number[][] = [];
  for (let index = 0; index < steps; index++) {
    const epoch = Math.floor(index / 2);
    const [start, end] = index % 2 === 0 ? [0, batch] : [batch, rows];
    const chosen = await data.splits.train.shuffled({ seed: plan.seed, epoch }, start, end);
    const input = stepInput(
      model,
      data.transforms.apply(chosen, { seed: 1, epoch, batch: index % 2, training: true }),
      { step: index, steps, epoch: index / 2, epochs: steps / 2 },
      learningRate({ step: index, steps, epoch: index / 2, epochs: steps / 2 }),
      plan.seed,
    );
    const output = replay ? step.call({ state, input }) : trainStep(model, state, input);
    losses.push([...output.losses.dataSync()]);
    tf.dispose([output.losses, output.norm]);
    disposeInput(input);
    disposeState(state, output.state);
    state = output.state;
  }
  const named = Object.entries({ value: state.values, ...state.slots }).flatMap(([slot, tensors]) =>
    Object.entries(tensors).map(([name, tensor]) =>
      [`${slot} ${name}`, tensor.dataSync<"float32">()] as const
    )
  );
  disposeState(state);
  step.dispose();
  await data.close();
  return { losses, state: Object.fromEntries(named), reports };
}

const tasks = [
  { use: "cross-entropy", on: "light" },
  { use: "cross-entropy", on: "booster" },
];
const hint = (parts: Record<string, unknown>) => [
  ...tasks,
  { use: "mse-hint", from: "booster.logits", to: "light.logits", weight: 0.03, ...parts },
];
const still = { use: "sgd", learningRate: 0.05 }, slow = { use: "sgd", learningRate: 0.01 };

/** Built-in networks, losses, gradient policies, optimizers and schedules, each in a pipeline. */
const cases: Record<string, Record<string, unknown>> = {
  "wide-resnet, interval, dropout": {
    network: { use: "wide-resnet", light: { depth: 10 }, booster: { depth: 16, dropout: 0.2 } },
  },
  "wide-resnet, bottom": {
    network: {
      ...{ use: "wide-resnet", sharing: "bottom", booster: { depth: 10 } },
      auxiliary: { from: "group2", gradient: 0.5 },
    },
    losses: [...tasks, { use: "kl", to: "light.auxiliary", teacherScale: 0.5 }],
    optimizer: still,
  },
  "wide-resnet, none": {
    network: {
      use: "wide-resnet",
      sharing: "none",
      light: { depth: 10 },
      booster: { depth: 10, width: 2 },
    },
    optimizer: still,
  },
  "cross-entropy, smoothed": {
    losses: tasks.map((task) => ({ ...task, labelSmoothing: 0.1 })),
  },
  "class weights": {
    losses: tasks.map((task) => ({ ...task, labelSmoothing: 0.1, classWeights: "balanced" })),
  },
  "mse-hint, mlp, sgd": { losses: hint({}) },
  "mse-probability": { losses: hint({ use: "mse-probability" }) },
  "kl": { losses: hint({ use: "kl", temperature: 4 }) },
  "soft-label": { losses: hint({ use: "soft-label", temperature: 2 }) },
  "knowledge-distillation": { losses: hint({ use: "knowledge-distillation", weight: 1 }) },
  "decoupled-kd": { losses: hint({ use: "decoupled-kd", weight: 0.1 }) },
  "logit-standardization": { losses: hint({ use: "logit-standardization", weight: 0.5 }) },
  "dist": { losses: hint({ use: "dist", weight: 0.5 }) },
  // Its angles turn a difference of one rounding into many: small steps keep that small.
  "relational-kd": { losses: hint({ use: "relational-kd" }), optimizer: slow },
  "similarity-preserving": {
    losses: hint({
      use: "similarity-preserving",
      from: "booster.hidden1",
      to: "light.hidden1",
      weight: 10,
    }),
  },
  "hidden-similarity": {
    network: { use: "mlp", shared: [16], light: [8], booster: [8] },
    losses: hint({
      use: "hidden-similarity",
      from: "booster.hidden1",
      to: "light.hidden1",
      weight: 0.1,
    }),
  },
  "fitnet of two layers": {
    network: { use: "mlp", light: [8, 8], booster: [32, 16] },
    losses: hint({
      use: "fitnet",
      from: ["booster.hidden1", "booster.hidden2"],
      to: ["light.hidden1", "light.hidden2"],
      weight: 0.5,
    }),
  },
  "attention-transfer of three groups": {
    network: { use: "wide-resnet", light: { depth: 10 }, booster: { depth: 16 } },
    losses: hint({
      use: "attention-transfer",
      from: ["booster.group1", "booster.group2", "booster.group3"],
      to: ["light.group1", "light.group2", "light.group3"],
    }),
    optimizer: still,
  },
  "gradient block": { losses: hint({ gradient: { use: "block" } }) },
  "gradient block-shared": { losses: hint({ gradient: { use: "block-shared" } }) },
  "gradient mutual": { losses: hint({ gradient: { use: "mutual" } }) },
  "gradient none": { losses: hint({ gradient: { use: "none" } }) },
  "gradient ramp": {
    losses: hint({ gradient: { use: "ramp", side: "to", over: 20 } }),
  },
  "gradient ramp on shared variables": {
    losses: hint({ gradient: { use: "ramp", side: "shared", over: 20, unit: "steps" } }),
  },
  "a weight that changes in each step": {
    losses: hint({
      schedule: { use: "delay", for: 2, then: { use: "ramp", over: 20, shape: "cosine" } },
    }),
  },
  "gradient scale": {
    losses: hint({ gradient: { use: "scale", from: 0.5, to: 0.25, shared: 0.125 } }),
  },
  "sgd with nesterov and steps": {
    optimizer: {
      use: "sgd",
      learningRate: 0.05,
      momentum: 0.9,
      nesterov: true,
      weightDecay: 5e-4,
      schedule: { use: "steps", at: [5, 10], by: 0.2 },
    },
  },
  "adam with cosine": {
    optimizer: { use: "adam", learningRate: 0.01, weightDecay: 1e-3, schedule: { use: "cosine" } },
  },
  "adamw with warm-up": {
    optimizer: {
      use: "adamw",
      learningRate: 0.01,
      schedule: { use: "warm-up", for: 3, then: { use: "cosine" } },
    },
  },
  "adagrad with constant": {
    optimizer: { use: "adagrad", learningRate: 0.05, schedule: { use: "constant" } },
  },
};

/** A pipeline with a network for clicks. */
function clicks(network: Record<string, unknown>): Record<string, unknown> {
  return {
    data: {
      label: { column: "even", kind: "binary" },
      features: { a: {}, item: { ids: "train" }, history: { ids: { of: "item" }, length: 3 } },
    },
    network: { ...network, auxiliary: { from: "hidden1", gradient: 2 } },
    losses: [
      ...["light", "booster"].map((on) => ({
        use: "binary-cross-entropy",
        on,
        classWeights: [1, 3],
      })),
      { use: "soft-label", to: "light.auxiliary", teacherScale: { probability: 2 } },
    ],
    optimizer: { use: "adagrad", learningRate: 0.05 },
  };
}

/** Pipelines on a table of numbers with another kind of label. */
const tables: Record<string, Record<string, unknown>> = {
  "binary-cross-entropy": {
    data: { label: { column: "even", kind: "binary" } },
    losses: ["light", "booster"].map((on) => ({ use: "binary-cross-entropy", on })),
  },
  "mean-squared-error": {
    data: { label: { column: "a", kind: "number" } },
    losses: ["light", "booster"].map((on) => ({ use: "mean-squared-error", on })),
  },
  "ctr, adagrad": clicks({
    use: "ctr",
    embedding: 4,
    features: { history: { attention: { to: "item", hidden: [8], activation: "dice" } } },
    light: { hidden: [6] },
    booster: { hidden: [12] },
    activation: "prelu",
  }),
  "deepfm": clicks({
    use: "deepfm",
    embedding: 4,
    light: { hidden: [6] },
    booster: { hidden: [12] },
  }),
  "dcn-v2": clicks({
    use: "dcn-v2",
    embedding: 4,
    light: { cross: 1, rank: 2, hidden: [6] },
    booster: { cross: 2, hidden: [12] },
  }),
  "pair": clicks({
    use: "pair",
    light: { use: "ctr", embedding: 4, light: { hidden: [6] } },
    booster: { use: "deepfm", embedding: 4, booster: { hidden: [12] } },
    share: ["embedding"],
    features: { light: ["a", "item"] },
  }),
};

for (
  const use of [
    "ranknet",
    "listnet",
    "regression-compatible-ranking",
    "ranknet-hint",
    "listnet-hint",
  ]
) {
  const isHint = use.endsWith("hint");
  const task = isHint ? { use: "binary-cross-entropy" } : { use, by: "item" };
  tables[use] = {
    data: { label: { column: "even", kind: "binary" } },
    losses: [
      ...["light", "booster"].map((on) => ({ ...task, on })),
      ...(isHint ? [{ use, by: "item", weight: 0.5 }] : []),
    ],
  };
}

/** How far apart two numbers may be; a sum in another order rounds otherwise, step after step. */
const tolerance = 1e-5;

/** The distance of two lists of numbers, as a part of the second one's length. */
function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assertEquals(actual.length, expected.length);
  let difference = 0, length = 0;
  Array.from(expected).forEach((value, index) => {
    difference += (actual[index]! - value) ** 2;
    length += value ** 2;
  });
  return Math.sqrt(difference / (length || 1));
}

async function compare(
  pipeline: Record<string, unknown>,
  steps = usualSteps,
): Promise<void> {
  const eager = await train(pipeline, false, steps);
  const replayed = await train(pipeline, true, steps);
  assertEquals(replayed.reports.length, 2, replayed.reports.join());
  for (const line of replayed.reports) {
    assert(/captured as a graph of .* from 2, 3, 5 rows/.test(line), line);
  }
  assert(eager.losses[0]![0]! > eager.losses.at(-1)![0]!, "it does not learn");
  eager.losses.forEach((losses, step) => {
    const error = distance(replayed.losses[step]!, losses);
    assert(error < tolerance, `the losses of step ${step} are off by ${error}`);
  });
  assertEquals(Object.keys(replayed.state), Object.keys(eager.state));
  for (const [name, values] of Object.entries(eager.state)) {
    const error = distance(replayed.state[name]!, values);
    assert(error < tolerance, `${name} is off by ${error} after ${steps} steps`);
  }
}

/**
 * A pipeline of the example of a stage that has no case of its own. A network needs one, as what
 * its losses can compare is not known.
 */
function exampleOf({ kind, example }: AnyStage): Record<string, unknown> | undefined {
  const entry = parse(example ?? "") as Record<string, unknown>;
  if (kind === "gradient") return { losses: hint({ gradient: entry }) };
  if (kind === "optimizer") return { optimizer: { ...slow, ...entry } };
  if (kind === "schedule") return { optimizer: { ...slow, schedule: entry } };
  if (kind !== "loss") return undefined;
  if ("on" in entry) return { losses: ["light", "booster"].map((on) => ({ ...entry, on })) };
  const maps = /group|features/.test(example!);
  return {
    network: maps
      ? { use: "wide-resnet", light: { depth: 10 }, booster: { depth: 16 } }
      : { use: "mlp", shared: [16], light: [8, 8], booster: [32, 8] },
    losses: hint({ weight: 1, ...entry }),
    optimizer: slow,
  };
}

const written = JSON.stringify([cases, digitsPipeline()]);
for (const stage of builtins) {
  if (written.includes(`"use":"${stage.name}"`)) continue;
  const parts = stage.name in tables ? undefined : exampleOf(stage);
  if (parts) cases[`${stage.name}, its example`] = parts;
}

for (const [name, parts] of Object.entries(cases)) {
  // Maps that are nearly 0 are divided by their length: a difference of one rounding doubles in
  // each step.
  const steps = name.startsWith("attention-transfer") ? 10 : usualSteps;
  forNative(
    `a captured step gives the same results as running op by op: ${name}`,
    () => compare(digitsPipeline(parts), steps),
  );
}

for (const [name, { data, ...parts }] of Object.entries(tables)) {
  forNative(
    `a captured step gives the same results as running op by op: ${name}`,
    () =>
      withPipeline({}, async (_file, folder) => {
        const numbers = Float32Array.from({ length: rows }, (_, i) => Math.sin(i));
        const path = join(folder, "rows.arrow");
        const table = tableFromArrays({
          a: numbers,
          b: numbers.map((value) => value * value - 0.5),
          even: Int32Array.from(numbers, (value) => value > 0 ? 1 : 0),
          item: Int32Array.from(numbers, (_, row) => row % 7),
        });
        const history = Array.from(numbers, (_, row) => [row % 7, (row + 3) % 7].slice(0, row % 3));
        const columns = table.assign(
          new Table({
            history: vectorFromArray(history, new List(Field.new("item", new Int32()))),
          }),
        );
        await Deno.writeFile(path, tableToIPC(columns, "file"));
        const source = { use: "arrow", path };
        await compare(digitsPipeline({
          ...parts,
          data: { train: source, test: source, features: { a: {}, b: {} }, ...data as object },
          metrics: [],
        }));
      }),
  );
}

Deno.test("captured steps are compared for every built-in stage that they are made of", () => {
  const all = { ...cases, ...tables };
  const text = JSON.stringify(Object.values(all).map((parts) => digitsPipeline(parts)));
  const kinds = ["network", "loss", "gradient", "optimizer", "schedule"];
  const missing = builtins.filter(({ kind, name }) =>
    kinds.includes(kind) && !text.includes(`"use":"${name}"`)
  );
  assertEquals(missing.map(({ name }) => name), []);
});
