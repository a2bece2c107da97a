import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { prepareData, type PreparedData } from "../../src/input/prepare_data.ts";
import { netsOf, prepareNets } from "../../src/run/prepare_nets.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import type { Batch } from "../../src/stages/batch.ts";
import { labelParts, labelValue } from "../../src/stages/labels.ts";
import { captured } from "../../src/train/captured.ts";
import { evaluate, evaluationStep } from "../../src/train/evaluate.ts";
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
import { referenceIntegers, referenceUniform, referenceValues } from "../reference/values.ts";
import { forEachEngine, forNative } from "../support/engines.ts";
import { digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";

/** What tests/reference/labels.py has written. */
interface LabelsReference {
  readonly steps: readonly (readonly number[])[];
  readonly variables: Readonly<Record<string, readonly number[]>>;
  readonly metrics: Readonly<Record<string, number>>;
}

const reference: LabelsReference = Object.assign(
  {},
  ...(await Deno.readTextFile(new URL("../reference/labels.jsonl", import.meta.url)))
    .trim().split("\n").map((line) => JSON.parse(line)),
);

const ROWS = 24;

/** The rows of labels.py as CSV: rows without `buy` have an empty cell. */
function csv(): string {
  const x = referenceUniform("labels/x", [ROWS, 3], -1, 1);
  const weight = referenceUniform("labels/weight", [ROWS], 0.5, 2);
  const [click, buy, kind, known] = ["click", "buy", "kind", "known"].map((name) =>
    referenceIntegers(`labels/${name}`, ROWS, name === "click" || name === "buy" ? 2 : 3)
  );
  const rows = Array.from({ length: ROWS }, (_, row) =>
    [
      ...x.subarray(3 * row, 3 * row + 3),
      weight[row],
      click![row],
      known![row]! > 0 ? buy![row] : "",
      "abc"[kind![row]!],
    ].join());
  return ["x0,x1,x2,importance,click,buy,kind", ...rows].join("\n");
}

const labels = {
  click: { column: "click", kind: "binary" },
  buy: { column: "buy", kind: "binary", nulls: "mask" },
  kind: "kind",
};

const each = (net: string) => [
  { use: "binary-cross-entropy", on: net, label: "click" },
  { use: "binary-cross-entropy", on: net, label: "buy" },
  { use: "cross-entropy", on: net, label: "kind" },
];

/** The pipeline of labels.py; parts of it can be replaced. */
function pipeline(folder: string, parts: Record<string, unknown> = {}, data: object = {}) {
  const source = { use: "csv", path: join(folder, "rows.csv"), nullValues: [""], batchRows: 5 };
  return digitsPipeline({
    data: {
      train: source,
      test: source,
      features: "rest",
      labels,
      weight: "importance",
      ...data,
    },
    network: { use: "mlp", shared: [5], light: [4], booster: [6] },
    losses: [...each("light"), ...each("booster"), { use: "mse-hint", label: "buy", weight: 0.3 }],
    optimizer: { use: "sgd", learningRate: 0.1, momentum: 0.9 },
    train: { epochs: 1, batch: ROWS },
    metrics: [
      { use: "auc", label: "click" },
      { use: "auc", label: "buy" },
      { use: "log-loss", label: "buy" },
      { use: "accuracy", label: "kind" },
    ],
    ...parts,
  });
}

async function withLabels<T>(
  test: (data: PreparedData, folder: string) => T | Promise<T>,
  parts: Record<string, unknown> = {},
  more: object = {},
): Promise<T> {
  return await withPipeline({}, async (_file, folder) => {
    const written = pipeline(folder, parts, more) as unknown as Pipeline;
    const data = await prepareData(await readPlan(written));
    try {
      return await test(data, folder);
    } finally {
      await data.close();
    }
  }, { "rows.csv": csv() });
}

const allRows = ({ splits: { train }, transforms }: PreparedData) =>
  Promise.resolve(train.slice(0, train.rows)).then((rows) =>
    transforms.apply(rows, { seed: 0, epoch: 0, batch: 0, training: true })
  );

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

/** Takes the steps of labels.py, and compares the losses and variables. */
function compareSteps(model: Model, batch: Batch, most: number, step: Step): State {
  let state = startOf(model);
  for (const [at, expected] of reference.steps.entries()) {
    const position = { step: at, steps: 5, epoch: 0, epochs: 1 };
    const parts = most < batch.size
      ? partsOfBatch(batch, most, undefined, model.terms).map(({ batch, ...part }) =>
        stepInput(model, batch, position, 0.1, 0, at, part)
      )
      : [stepInput(model, batch, position, 0.1, 0)];
    const { state: next, losses, norm } = step({ state, parts });
    losses.dataSync<"float32">().forEach((loss, index) =>
      assertAlmostEquals(loss, expected[index]!, 2e-5)
    );
    tf.dispose([losses, norm]);
    parts.forEach(disposeInput);
    disposeState(state, next);
    state = next;
  }
  for (const [name, expected] of Object.entries(reference.variables)) {
    state.values[name]!.dataSync<"float32">().forEach((value, index) =>
      assertAlmostEquals(value, expected[index]!, 2e-5, name)
    );
  }
  return state;
}

forEachEngine(
  "a net with a head for each of several labels learns as in PyTorch, without the rows that lack a label",
  () =>
    withLabels(async (data) => {
      const { model, metrics, nets } = prepareNets(data.plan, data, netsOf(data.plan));
      const batch = await allRows(data);
      const before = tf.memory().numTensors;
      const whole: Step = ({ state, parts }) => trainStep(model, state, parts[0]!);
      const state = compareSteps(model, batch, ROWS, whole);
      const inParts = new StepInParts({
        part: { call: (input) => partStep(model, input), dispose() {} },
        update: { call: (input) => updateStep(model, input), dispose() {} },
      });
      const call: Step = ({ state, parts: [input, ...others] }) =>
        inParts.call({ state, input: input!, others });
      disposeState(compareSteps(model, batch, 5, call));

      const evaluated = { ...model, nets };
      const measured = await evaluate(
        evaluated,
        {
          call: (input) => {
            let output!: ReturnType<typeof evaluationStep>;
            tf.tidy(() => {
              output = evaluationStep(evaluated, input);
              return [...output.logits, output.losses];
            });
            return output;
          },
        },
        state.values,
        [batch],
        metrics,
      );
      assertEquals(Object.keys(measured).sort(), Object.keys(reference.metrics).sort());
      for (const [key, expected] of Object.entries(reference.metrics)) {
        assertAlmostEquals(measured[key] as number, expected, 1e-5, key);
      }
      disposeState(state);
      assertEquals(tf.memory().numTensors, before, "tensors are left");
    }),
);

forNative(
  "captured steps with several labels equal those of PyTorch, whole and in parts",
  () =>
    withLabels(async (data) => {
      const { model } = prepareNets(data.plan, data, netsOf(data.plan));
      const batch = await allRows(data);
      const lines: string[] = [];
      const listener = { report: (line: string) => void lines.push(line), debug: true };
      const whole = captured(
        "training step",
        listener,
        ({ state, input }: { state: State; input: StepInput }) => trainStep(model, state, input),
        ({ input }) => rowsOf(input),
      );
      const call: Step = ({ state, parts: [input] }) => whole.call({ state, input: input! });
      disposeState(compareSteps(model, batch, ROWS, call));
      const inParts = new StepInParts({
        part: captured(
          "training step",
          listener,
          (input: PartInput) => partStep(model, input),
          ({ input }) => rowsOf(input),
        ),
        update: captured("update", listener, (input: UpdateInput) =>
          updateStep(model, input), () => []),
      });
      const parts: Step = ({ state, parts: [input, ...others] }) =>
        inParts.call({ state, input: input!, others });
      disposeState(compareSteps(model, batch, 12, parts));
      whole.dispose();
      inParts.dispose();
      for (const line of lines) {
        assert(line.includes("captured as a graph"), line);
      }
    }),
);

Deno.test("several labels have the same values in memory and streamed", async () => {
  const read = ({ splits: { train } }: PreparedData) =>
    Promise.resolve(train.slice(0, train.rows)).then(({ label }) => ({
      shape: label.shape,
      values: labelParts(train.label).map((part) =>
        Array.from({ length: train.rows }, (_, row) => labelValue(label, row, part))
      ),
      kind: train.label.labels!.kind!.vocabulary,
    }));
  const all = await withLabels(read);
  assertEquals(all.shape, [3]);
  assertEquals(all.kind, ["a", "b", "c"]);
  const known = referenceIntegers("labels/known", ROWS, 3);
  const [click, buy, kind] = all.values as [number[], number[], number[]];
  assertEquals(click, [...referenceIntegers("labels/click", ROWS, 2)]);
  assertEquals(kind, [...referenceIntegers("labels/kind", ROWS, 3)]);
  assertEquals(
    buy,
    [...referenceIntegers("labels/buy", ROWS, 2)].map((own, row) => known[row]! > 0 ? own : NaN),
  );
  assertEquals(await withLabels(read, {}, { memory: "10kB" }), all);
});

Deno.test("the statistics of each label count the rows that have it", async () => {
  const training = await withLabels(
    ({ label: { labels } }) => Object.values(labels!).map(({ training }) => training!),
    { network: { use: "mlp", light: [4], outputBias: "base-rate" } },
    { weight: undefined },
  );
  const known = referenceIntegers("labels/known", ROWS, 3).filter((value) => value > 0).length;
  assertEquals(training.map(({ rows }) => rows), [ROWS, known, ROWS]);
  const click = [...referenceIntegers("labels/click", ROWS, 2)];
  const ones = click.filter((one) => one === 1).length;
  assertEquals(training[0]!.classes, [ROWS - ones, ones]);
  assertAlmostEquals(training[0]!.mean, ones / ROWS);
  assertEquals(training[1]!.classes.reduce((sum, count) => sum + count), known);
});

Deno.test("data.sampling keeps the rows without the label that it names", async () => {
  const { rows, weights, buy } = await withLabels(
    async ({ splits: { train }, rowWeights }) => {
      const { label } = await train.slice(0, train.rows);
      const [, part] = labelParts(train.label);
      const buy = Array.from({ length: train.rows }, (_, row) => labelValue(label, row, part));
      return { rows: train.rows, weights: rowWeights!, buy };
    },
    { seed: 4 },
    { sampling: { label: "buy", keep: { 0: 0.5 } } },
  );
  const known = [...referenceIntegers("labels/known", ROWS, 3)];
  const all = [...referenceIntegers("labels/buy", ROWS, 2)].map((own, row) =>
    known[row]! > 0 ? own : NaN
  );
  const count = (values: readonly number[], wanted: number) =>
    values.filter((value) => Object.is(value, wanted)).length;
  assertEquals(count(buy, NaN), count(all, NaN));
  assertEquals(count(buy, 1), count(all, 1));
  assert(count(buy, 0) > 0 && count(buy, 0) < count(all, 0));
  assertEquals(rows, buy.length);
  assertEquals(weights.label?.name, "buy");
  assertEquals(weights.factors, [count(all, 0) / count(buy, 0), 1]);
});

forEachEngine(
  "a run with several labels is selected by one of them, and a resumed run ends with the same bytes",
  () =>
    withPipeline({}, async (_file, folder) => {
      const file = join(folder, "several.json");
      await Deno.writeTextFile(
        file,
        JSON.stringify(pipeline(folder, {
          train: { epochs: 3, batch: 12, select: "light/buy.auc" },
          metrics: ["log-loss", { use: "auc", label: "buy" }, "loss"],
          optimizer: {
            use: "adam",
            learningRate: 0.01,
            schedule: { use: "plateau", patience: 1, metric: "light/click.log-loss" },
          },
          outputs: [{ use: "checkpoint", everySteps: 1 }],
        })),
      );
      const engine = tf.getBackend() === "wasm" ? "wasm" as const : "native" as const;
      const whole = await runFile(file, join(folder, "whole"), engine);
      assertEquals(whole.result.best.metric, "light/buy.auc");
      assertEquals(Object.keys(whole.result.test.light!), [
        "click.log-loss",
        "buy.log-loss",
        "kind.log-loss",
        "buy.auc",
      ]);
      const known = referenceIntegers("labels/known", ROWS, 3).filter((value) => value > 0).length;
      assert(
        whole.reports.some((line) =>
          line.startsWith(`data: ${ROWS - known} of ${ROWS} train rows have no label buy`)
        ),
        whole.reports.join("\n"),
      );
      // Each evaluation is one batch, so the mean of the loss is the weighted log loss.
      const { run, light } = whole.result.test;
      for (const label of ["click", "buy"]) {
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
      const train = (ran: typeof whole) =>
        ran.evaluations.filter(({ split }) => split === "train").at(-1)!.metrics;
      assertEquals(train(resumed), train(whole));
      const bytes = async (run: string) => {
        const name = join(folder, run, "checkpoints", "rocket-000006.safetensors");
        const bytes = await Deno.readFile(name);
        return bytes.subarray(8 + Number(new DataView(bytes.buffer).getBigUint64(0, true)));
      };
      assertEquals(await bytes("run"), await bytes("whole"));
    }, { "rows.csv": csv() }),
);

Deno.test("a loss that compares rows with each other refuses a label that nulls mask", async () => {
  tf.setBackend("wasm");
  await withLabels(async (data) => {
    const { model } = prepareNets(data.plan, data, netsOf(data.plan));
    const position = { step: 0, steps: 5, epoch: 0, epochs: 1 };
    const input = stepInput(model, await allRows(data), position, 0.1, 0);
    const error = assertThrows(() => trainStep(model, startOf(model), input), UserError);
    assert(error.message.includes("cannot leave out the rows without the label buy"));
    disposeInput(input);
  }, { losses: [{ use: "ranknet", on: "light", label: "buy", by: "kind" }], metrics: [] });
});

Deno.test("each loss of training rows is that of an evaluation of these rows, for any batch", async () => {
  for (const batch of [1, 5, ROWS]) {
    await withPipeline({}, async (_file, folder) => {
      const file = join(folder, "means.json");
      // Nothing changes, so all epochs compute the same.
      const optimizer = { use: "sgd", learningRate: 1e-12 };
      const train = { epochs: 1, batch, lastBatch: "keep" };
      const parts = { optimizer, train, metrics: ["loss"] };
      await Deno.writeTextFile(file, JSON.stringify(pipeline(folder, parts)));
      const { evaluations } = await runFile(file, join(folder, "means"), "wasm");
      const [train1, test] = ["train", "test"].map((split) =>
        evaluations.find((event) => event.split === split)!.metrics
      );
      const terms = Object.keys(train1!).filter((name) => name.startsWith("loss/"));
      assertEquals(terms.length, 7);
      for (const term of terms) {
        const own = Number(train1![term]), other = Number(test![term]);
        assertAlmostEquals(own, other, 1e-5, `${term} in batches of ${batch}`);
      }
    }, { "rows.csv": csv() });
  }
});
