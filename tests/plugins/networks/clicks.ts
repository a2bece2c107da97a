import { assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import binaryCrossEntropy from "../../../plugins/losses/binary_cross_entropy.ts";
import sgd from "../../../plugins/optimizers/sgd.ts";
import type { Optimizer, TaskLoss } from "../../../plugin.ts";
import { CapturedFunction } from "../../../src/engine/capture/capture.ts";
import type { ColumnSpec } from "../../../src/stages/batch.ts";
import type { Term } from "../../../src/train/objective.ts";
import {
  initialState,
  type Model,
  type State,
  type StepInput,
  trainStep,
} from "../../../src/train/step.ts";
import { assertNear, assertSummary, type Summary } from "../../reference/fixtures.ts";
import { referenceIntegers, referenceUniform } from "../../reference/values.ts";
import { binaryLabel } from "../../support/labels.ts";
import type { Built } from "./support.ts";

/** A feature with one id per row. */
export const id = (count: number, name: string): ColumnSpec => ({
  shape: [],
  dtype: "int32",
  ids: { kind: "count", count, name, padded: false },
});
/** A feature with a list of ids per row. */
export const list = (length: number, count: number, name: string): ColumnSpec => ({
  shape: [length],
  dtype: "int32",
  ids: { kind: "count", count, name, padded: true },
});

/** The features of `ctr.py`. */
export const features = {
  numbers: { shape: [2], dtype: "float32" },
  item: id(11, "item"),
  history: list(5, 11, "item"),
  tags: list(3, 7, "tags"),
} as const satisfies Record<string, ColumnSpec>;

const batch = 6;

/** The batch of `ctr.py`: lists of any length, also none. */
export function inputs() {
  const padded = (name: string, count: number, places: number, filled: (row: number) => number) =>
    referenceIntegers(name, batch * places, count).map((value, index) =>
      index % places < filled(Math.floor(index / places)) ? value : -1
    );
  return {
    features: {
      item: tf.tensor1d(referenceIntegers("ctr/item", batch, 11), "int32"),
      history: tf.tensor2d(padded("ctr/history", 11, 5, (row) => row % 6), [batch, 5], "int32"),
      tags: tf.tensor2d(padded("ctr/tags", 7, 3, (row) => (row + 1) % 4), [batch, 3], "int32"),
      numbers: tf.tensor2d(referenceUniform("ctr/numbers", [batch, 2], -1, 1), [batch, 2]),
    },
    label: tf.tensor1d(Float32Array.from(referenceIntegers("ctr/label", batch, 2))),
  };
}

/** The values that `ctr.py` starts with. */
export const referenceValues = ({ variables }: Built) =>
  Object.fromEntries(variables.map(({ name, shape }) => {
    const [low, high] = name.endsWith("/variance") ? [0.5, 1.5] : [-0.5, 0.5];
    return [name, tf.tensor(referenceUniform(name, [...shape], low, high), [...shape])];
  }));

const learningRate = 16;

/** The nets with both losses, and an optimizer that takes a gradient off its variable. */
export function modelOf({ pair, variables }: Built): Model {
  const compute = binaryCrossEntropy.create({}, { label: binaryLabel, shapes: [[1]] } as never);
  const term = (net: "light" | "booster"): Term => ({
    form: "task",
    name: net,
    stage: { kind: "loss", name: "binary-cross-entropy" },
    weight: 1,
    policy: [{ from: 1, to: 1, shared: 1 }],
    compute: compute as TaskLoss,
    on: { net, output: "logits" },
  });
  return {
    pair,
    variables,
    terms: [term("light"), term("booster")],
    optimizer: sgd.create(sgd.options.parse({ momentum: 0 }), {}) as Optimizer,
    optimizerStage: { kind: "optimizer", name: "sgd" },
  };
}

/** The batch of a step, and its settings. */
const inputOf = (): StepInput => ({
  ...inputs(),
  learningRate: tf.scalar(learningRate),
  step: tf.scalar(1),
  scalars: {},
  seed: tf.scalar(0, "int32"),
  factors: [],
});

/** One step, and what it took off each variable, divided by the rate. */
export function assertStep(
  built: Built,
  reference: {
    readonly loss: number;
    readonly gradients: Readonly<Record<string, Summary>>;
    readonly next?: Readonly<Record<string, readonly number[]>>;
  },
  run: (model: Model, state: State, input: StepInput) => ReturnType<typeof trainStep> = trainStep,
) {
  const model = modelOf(built);
  // A step writes tables in place.
  const before = Object.fromEntries(
    Object.entries(referenceValues(built)).map(([name, value]) => [name, value.dataSync().slice()]),
  );
  const { state, losses } = run(model, initialState(model, referenceValues(built)), inputOf());
  assertNear("loss", losses.dataSync().slice(0, 1), [reference.loss]);
  const moved = built.variables.filter(({ trainable }) => trainable);
  assertEquals(moved.map(({ name }) => name).sort(), Object.keys(reference.gradients).sort());
  for (const { name } of moved) {
    const after = state.values[name]!.dataSync();
    const gradient = before[name]!.map((value, index) => (value - after[index]!) / learningRate);
    assertSummary(name, gradient, reference.gradients[name]!, 2e-4);
  }
  for (const [name, next] of Object.entries(reference.next ?? {})) {
    assertNear(name, state.values[name]!.dataSync(), next);
  }
}

/**
 * The same for a step that is captured, when it is captured and when it is replayed. Without a
 * reference, the expected values are those of the step operation by operation.
 */
export function assertCapturedStep(
  built: Built,
  reference: Parameters<typeof assertStep>[1] | undefined,
) {
  const captured = new CapturedFunction(
    ({ model, state, input }: { model?: Model; state: State; input: StepInput }) =>
      trainStep(model ?? modelOf(built), state, input),
    { rows: ({ input }) => [...Object.values(input.features), input.label] },
  );
  for (let call = 0; call < 3; call++) {
    if (reference) {
      assertStep(built, reference, (_, state, input) => captured.call({ state, input }));
      continue;
    }
    const one = stepOf(built, trainStep);
    const other = stepOf(built, (_, state, input) => captured.call({ state, input }));
    for (const [name, values] of Object.entries(one)) assertNear(name, other[name]!, values);
  }
  captured.dispose();
}

/** The losses and the next values of a step. */
function stepOf(
  built: Built,
  run: (model: Model, state: State, input: StepInput) => ReturnType<typeof trainStep>,
) {
  const model = modelOf(built);
  const { state, losses } = run(model, initialState(model, referenceValues(built)), inputOf());
  return Object.fromEntries(
    [["losses", losses] as const, ...Object.entries(state.values)].map((
      [name, tensor],
    ) => [name, Array.from(tensor.dataSync())]),
  );
}
