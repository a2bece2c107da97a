import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { join } from "node:path";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { prepareData, type PreparedData } from "../../src/input/prepare_data.ts";
import { netsOf, prepareNets } from "../../src/run/prepare_nets.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import { captured } from "../../src/train/captured.ts";
import {
  type PartInput,
  partsOfBatch,
  partStep,
  StepInParts,
  type UpdateInput,
  updateStep,
} from "../../src/train/parts.ts";
import {
  disposeState,
  initialState,
  type Model,
  type State,
  type StepInput,
  type StepOutput,
  trainStep,
} from "../../src/train/step.ts";
import { disposeInput, stepInput } from "../../src/train/step_input.ts";
import { rowsOf } from "../../src/train/tensors.ts";
import { type MultiLabelTraining, readMultiLabelReference } from "../reference/fixtures.ts";
import { referenceIntegers, referenceUniform, referenceValues } from "../reference/values.ts";
import { forEachEngine, forNative } from "../support/engines.ts";
import { digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";

const ROWS = 24, CLASSES = 4;

const topics = [...referenceIntegers("multi-label/topics", ROWS * CLASSES, 2)];
const known = [...referenceIntegers("multi-label/known", ROWS, 3)].map((value) => value > 0);

/** The rows of multi_label.py. `some` is null in the rows without the label. */
function csv(): string {
  const x = referenceUniform("multi-label/x", [ROWS, 3], -1, 1);
  const weight = referenceUniform("multi-label/weight", [ROWS], 0.5, 2);
  const click = referenceIntegers("multi-label/click", ROWS, 2);
  const rows = Array.from({ length: ROWS }, (_, row) => {
    const own = topics.slice(CLASSES * row, CLASSES * (row + 1)).join("|");
    return [
      ...x.subarray(3 * row, 3 * row + 3),
      weight[row],
      click[row],
      own,
      known[row] ? own : "",
    ]
      .join();
  });
  return ["x0,x1,x2,importance,click,all,some", ...rows].join("\n");
}

const several = {
  click: { column: "click", kind: "binary" },
  topics: { column: "some", kind: "multi-label", nulls: "mask" },
};

/** The pipeline of multi_label.py. */
function pipeline(folder: string, isSeveral: boolean, parts: Record<string, unknown> = {}) {
  const lists = { separator: "|", type: "int64" };
  const source = {
    ...{ use: "csv", path: join(folder, "rows.csv"), nullValues: [""], batchRows: 5 },
    columns: { all: lists, some: lists },
  };
  const ofTopics = isSeveral ? { label: "topics" } : {};
  const each = (on: string) => [
    ...isSeveral ? [{ use: "binary-cross-entropy", on, label: "click" }] : [],
    { use: "binary-cross-entropy", on, ...ofTopics },
  ];
  return digitsPipeline({
    data: {
      train: source,
      test: source,
      features: ["x*"],
      ...isSeveral ? { labels: several } : { label: { column: "all", kind: "multi-label" } },
      weight: "importance",
    },
    network: { use: "mlp", shared: [5], light: [4], booster: [6] },
    losses: [
      ...each("light"),
      ...each("booster"),
      { use: "kl", temperature: 2, weight: 0.3, ...ofTopics },
    ],
    optimizer: { use: "sgd", learningRate: 0.1, momentum: 0.9 },
    train: { epochs: 1, batch: ROWS },
    metrics: [{ use: "auc", ...ofTopics }],
    ...parts,
  });
}

async function withData<T>(
  isSeveral: boolean,
  test: (data: PreparedData) => T | Promise<T>,
  parts: Record<string, unknown> = {},
): Promise<T> {
  return await withPipeline({}, async (_file, folder) => {
    const written = pipeline(folder, isSeveral, parts) as unknown as Pipeline;
    const data = await prepareData(await readPlan(written));
    try {
      return await test(data);
    } finally {
      await data.close();
    }
  }, { "rows.csv": csv() });
}

const startOf = (model: Model) =>
  initialState(
    model,
    Object.fromEntries(
      model.variables.map(({ name, shape }) => [
        name,
        tf.tensor(referenceValues(name, shape), [...shape]),
      ]),
    ),
  );

type Step = (request: { state: State; parts: readonly StepInput[] }) => StepOutput;

/** Takes the steps of multi_label.py, and compares the losses and variables. */
async function compareSteps(
  data: PreparedData,
  expected: MultiLabelTraining,
  most: number,
  stepOf: (model: Model) => { readonly step: Step; readonly dispose: () => void },
): Promise<void> {
  const { model } = prepareNets(data.plan, data, netsOf(data.plan));
  const rows = await data.splits.train.slice(0, ROWS);
  const batch = data.transforms.apply(rows, { seed: 0, epoch: 0, batch: 0, training: true });
  const { step, dispose } = stepOf(model);
  let state = startOf(model);
  for (const [at, losses] of expected.steps.entries()) {
    const position = { step: at, steps: 5, epoch: 0, epochs: 1 };
    const parts = most < ROWS
      ? partsOfBatch(batch, most, undefined, model.terms).map(({ batch, ...part }) =>
        stepInput(model, batch, position, 0.1, 0, at, part)
      )
      : [stepInput(model, batch, position, 0.1, 0)];
    const next = step({ state, parts });
    next.losses.dataSync<"float32">().forEach((loss, index) =>
      assertAlmostEquals(loss, losses[index]!, 2e-5)
    );
    tf.dispose([next.losses, next.norm]);
    parts.forEach(disposeInput);
    disposeState(state, next.state);
    state = next.state;
  }
  for (const [name, values] of Object.entries(expected.variables)) {
    state.values[name]!.dataSync<"float32">().forEach((value, index) =>
      assertAlmostEquals(value, values[index]!, 2e-5, name)
    );
  }
  disposeState(state);
  dispose();
}

const wholeStep = (model: Model) => ({
  step: (({ state, parts }) => trainStep(model, state, parts[0]!)) as Step,
  dispose() {},
});

function stepInParts(model: Model) {
  const inParts = new StepInParts({
    part: { call: (input) => partStep(model, input), dispose() {} },
    update: { call: (input) => updateStep(model, input), dispose() {} },
  });
  const step: Step = ({ state, parts: [input, ...others] }) =>
    inParts.call({ state, input: input!, others });
  return { step, dispose() {} };
}

forEachEngine(
  "a net learns a multi-label label as in PyTorch, alone and beside a label, whole and in parts",
  async () => {
    const reference = await readMultiLabelReference();
    for (const isSeveral of [false, true]) {
      await withData(isSeveral, async (data) => {
        const before = tf.memory().numTensors;
        const expected = reference[isSeveral ? "several" : "single"];
        await compareSteps(data, expected, ROWS, wholeStep);
        await compareSteps(data, expected, 5, stepInParts);
        assertEquals(tf.memory().numTensors, before, "tensors are left");
      });
    }
  },
);

forNative("captured steps with a multi-label label equal those of PyTorch", async () => {
  const reference = await readMultiLabelReference();
  const lines: string[] = [];
  const listener = { report: (line: string) => void lines.push(line), debug: true };
  for (const isSeveral of [false, true]) {
    await withData(isSeveral, async (data) => {
      const expected = reference[isSeveral ? "several" : "single"];
      await compareSteps(data, expected, ROWS, (model) => {
        const whole = captured(
          "training step",
          listener,
          ({ state, input }: { state: State; input: StepInput }) => trainStep(model, state, input),
          ({ input }) => rowsOf(input),
        );
        const step: Step = ({ state, parts: [input] }) => whole.call({ state, input: input! });
        return { step, dispose: () => whole.dispose() };
      });
      await compareSteps(data, expected, 12, (model) => {
        const inParts = new StepInParts({
          part: captured(
            "training step",
            listener,
            (input: PartInput) => partStep(model, input),
            ({ input }) => rowsOf(input),
          ),
          update: captured(
            "update",
            listener,
            (input: UpdateInput) => updateStep(model, input),
            () => [],
          ),
        });
        const step: Step = ({ state, parts: [input, ...others] }) =>
          inParts.call({ state, input: input!, others });
        return { step, dispose: () => inParts.dispose() };
      });
    });
  }
  for (const line of lines) assert(line.includes("captured as a graph"), line);
});

Deno.test("the statistics of a multi-label label count each class of a row", async () => {
  const network = { use: "mlp", light: [4], booster: [6], outputBias: "base-rate" };
  const weights = [...referenceUniform("multi-label/weight", [ROWS], 0.5, 2)];
  const sumOf = (isCounted: (row: number) => boolean) =>
    weights.reduce((sum, weight, row) => sum + (isCounted(row) ? weight : 0), 0);
  for (const isSeveral of [false, true]) {
    const isKnown = (row: number) => !isSeveral || known[row]!;
    await withData(isSeveral, (data) => {
      const { training } = isSeveral ? data.label.labels!.topics! : data.label;
      assertEquals(training!.rows, weights.filter((_, row) => isKnown(row)).length);
      const total = sumOf(isKnown);
      assertAlmostEquals(training!.total, total, 1e-5);
      const odds = Array.from({ length: CLASSES }, (_, id) => {
        const own = sumOf((row) => isKnown(row) && topics[CLASSES * row + id] === 1);
        assertAlmostEquals(training!.classes[id]!, own, 1e-5);
        return Math.log(own / (total - own));
      });
      const { model } = prepareNets(data.plan, data, netsOf(data.plan));
      const { initializer } = model.variables.find(({ name }) => name === "light/head/bias")!;
      const start = (initializer as unknown as { values: number[] }).values;
      odds.forEach((value, id) => assertAlmostEquals(start[Number(isSeveral) + id]!, value, 1e-5));
    }, { network });
  }
});

forEachEngine(
  "a resumed run with a multi-label label ends with the same bytes as a whole run",
  () =>
    withPipeline({}, async (_file, folder) => {
      const file = join(folder, "topics.json");
      await Deno.writeTextFile(
        file,
        JSON.stringify(pipeline(folder, true, {
          train: { epochs: 3, batch: 12, select: "light/topics.auc" },
          metrics: ["log-loss", { use: "auc", label: "topics" }, "loss"],
          optimizer: { use: "adam", learningRate: 0.01 },
          outputs: [{ use: "checkpoint", everySteps: 1 }],
        })),
      );
      const engine = tf.getBackend() === "wasm" ? "wasm" as const : "native" as const;
      const whole = await runFile(file, join(folder, "whole"), engine);
      // Each evaluation is one batch, so the mean of the loss is the weighted log loss.
      const { run, light } = whole.result.test;
      for (const label of ["click", "topics"]) {
        assertAlmostEquals(
          run![`loss/binary-cross-entropy(light.${label})`] as number,
          light![`${label}.log-loss`] as number,
          1e-6,
        );
      }
      const out = join(folder, "run"), stop = new AbortController();
      await assertRejects(() =>
        runFile(file, out, engine, {
          step: ({ step }) => step === 3 ? stop.abort() : undefined,
        }, { signal: stop.signal })
      );
      const resumed = await runFile(file, out, engine, {}, { resume: true });
      assertEquals(resumed.result.test, whole.result.test);
      const bytes = async (run: string) => {
        const name = join(folder, run, "checkpoints", "rocket-000006.safetensors");
        const bytes = await Deno.readFile(name);
        return bytes.subarray(8 + Number(new DataView(bytes.buffer).getBigUint64(0, true)));
      };
      assertEquals(await bytes("run"), await bytes("whole"));
    }, { "rows.csv": csv() }),
);
