import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import type { GradientPolicy } from "../../src/stages/gradient.ts";
import type { HintLoss } from "../../src/stages/loss.ts";
import type { NetName, VariableOwner } from "../../src/stages/network.ts";
import mlp from "../../plugins/networks/mlp.ts";
import { changingFactors, type Term } from "../../src/train/objective.ts";
import { Forward } from "../../src/train/forward.ts";
import {
  disposeState,
  gradientNorms,
  initialState,
  type Model,
  type StepInput,
  trainStep,
} from "../../src/train/step.ts";
import { DeclaredVariables, initialValues, type TensorsByName } from "../../src/train/variables.ts";
import { forEachEngine } from "../support/engines.ts";

const stage = { kind: "loss", name: "test" } as const;
const rows = [[0.5, -1, 2], [1, 0.25, -0.5], [-2, 1, 0.75], [0.1, 0.2, -0.3]];

/** Squared distance of the logits, weighed so that teacher and student are not interchangeable. */
const hint = (from: tf.Tensor, to: tf.Tensor) =>
  tf.sum(tf.mul(tf.squaredDifference(from, to), tf.add(tf.square(from), 0.5)), -1);

function hintTerm(policy: GradientPolicy, compute: HintLoss = hint): Term {
  const output = (net: NetName) => ({ net, output: "logits" });
  return {
    form: "hint",
    name: "hint",
    stage,
    weight: 0.7,
    policy,
    pairs: [{ compute, from: output("booster"), to: output("light") }],
  };
}

function build(terms: readonly Term[]): Model {
  const variables = new DeclaredVariables();
  const pair = mlp.create(
    { shared: [4], light: [3], booster: [5] },
    {
      features: { x: { shape: [3], dtype: "float32" } },
      label: { kind: "class", classes: 2, shape: [], dtype: "int32" },
      units: 2,
      nets: ["light", "booster"],
      variables,
    },
  );
  return {
    pair,
    variables: variables.all,
    terms,
    // With a rate of 1 a step of plain descent shows the gradient.
    optimizer: {
      slots: {},
      update: ({ value, gradient }) => ({ value: tf.sub(value, gradient), slots: {} }),
    },
    optimizerStage: { kind: "optimizer", name: "test" },
  };
}

function inputs(terms: readonly Term[], step = 0): StepInput {
  const position = { step, steps: 10, epoch: 0, epochs: 1 };
  return {
    features: { x: tf.tensor2d(rows) },
    label: tf.tensor1d([0, 1, 1, 0], "int32"),
    learningRate: tf.scalar(1),
    step: tf.scalar(step + 1),
    scalars: {},
    seed: tf.scalar(0, "int32"),
    factors: changingFactors(terms).map((factor) => tf.scalar(factor(position))),
  };
}

/**
 * The gradient of each variable, in one list by owner; a variable that did not move is all zeros.
 */
function gradients(terms: readonly Term[], step = 0): Record<VariableOwner, number[]> {
  const model = build(terms);
  const state = initialState(model, initialValues(model.variables, 3));
  const result = trainStep(model, state, inputs(terms, step));
  const owned: Record<VariableOwner, number[]> = { light: [], booster: [], shared: [], loss: [] };
  for (const { name, owner } of model.variables) {
    const moved = result.state.values[name] !== state.values[name];
    const before = state.values[name]!.dataSync(), after = result.state.values[name]!.dataSync();
    owned[owner].push(...before.map((value, index) => moved ? value - after[index]! : 0));
  }
  disposeState(state, result.state);
  disposeState(result.state);
  tf.dispose([result.losses, result.norm]);
  return owned;
}

const some = (values: number[]) => values.some((value) => Math.abs(value) > 1e-4);
const none = (values: number[]) => values.every((value) => value === 0);

function assertClose(actual: number[], expected: number[], tolerance: number): void {
  const scale = Math.max(...expected.map(Math.abs), 1e-3);
  assertEquals(actual.length, expected.length);
  actual.forEach((value, index) => assertAlmostEquals(value, expected[index]!, tolerance * scale));
}

/**
 * The gradient by central differences of the hint, where `fixed` says which net's logits are taken
 * as constants and whether shared variables move.
 */
function differences(
  owner: VariableOwner,
  move: { booster: boolean; light: boolean },
): number[] {
  const model = build([hintTerm([{ from: 1, to: 1, shared: 1 }])]);
  const start = initialValues(model.variables, 3);
  const x = { x: tf.tensor2d(rows) };
  const logits = (net: NetName, values: TensorsByName) =>
    new Forward(model.pair, {
      values,
      features: x,
      training: true,
      seed: () => tf.scalar(0, "int32"),
    })
      .outputs(net).logits;
  const loss = (values: TensorsByName) =>
    tf.tidy(() =>
      tf.mean(
        hint(
          logits("booster", move.booster ? values : start),
          logits("light", move.light ? values : start),
        ),
      )
        .dataSync()[0]! * 0.7
    );
  const step = 1e-2;
  return model.variables.filter((variable) => variable.owner === owner).flatMap(
    ({ name, shape }) => {
      const base = start[name]!.dataSync();
      return Array.from(base, (_, index) => {
        const at = (delta: number) => {
          const values = base.slice();
          values[index]! += delta;
          return loss({ ...start, [name]: tf.tensor(values, [...shape]) });
        };
        return (at(step) - at(-step)) / (2 * step);
      });
    },
  );
}

const block: GradientPolicy = [{ from: 0, to: 1, shared: 1 }];
const pass: GradientPolicy = [{ from: 1, to: 1, shared: 1 }];

forEachEngine("trainStep() passes no hint gradient to a blocked booster", () => {
  const moved = gradients([hintTerm(block)]);
  assert(none(moved.booster));
  assert(some(moved.light));
  assert(some(moved.shared));
});

forEachEngine(
  "trainStep() under block has the gradient of a hint with constant booster logits",
  () => {
    const moved = gradients([hintTerm(block)]);
    assertClose(moved.light, differences("light", { booster: false, light: true }), 0.02);
    assertClose(moved.shared, differences("shared", { booster: false, light: true }), 0.02);
  },
);

forEachEngine("trainStep() without block has the gradient of the whole hint on both sides", () => {
  const moved = gradients([hintTerm(pass)]);
  for (const owner of ["light", "booster", "shared"] as const) {
    assertClose(moved[owner], differences(owner, { booster: true, light: true }), 0.02);
  }
});

forEachEngine("trainStep() passes no gradient into shared layers if the policy forbids it", () => {
  const moved = gradients([hintTerm([{ from: 0, to: 1, shared: 0 }])]);
  assert(none(moved.shared));
  assert(none(moved.booster));
  assertClose(moved.light, gradients([hintTerm(block)]).light, 1e-5);
});

forEachEngine("trainStep() scales the gradient to each side by the policy's factors", () => {
  const whole = gradients([hintTerm(pass)]);
  const parts = gradients([hintTerm([{ from: 0.25, to: 0.5, shared: 0 }])]);
  assertClose(parts.booster, whole.booster.map((value) => value * 0.25), 1e-4);
  assertClose(parts.light, whole.light.map((value) => value * 0.5), 1e-4);
  assert(none(parts.shared));
  const half = gradients([hintTerm([{ from: 0, to: 1, shared: 0.5 }])]);
  assertClose(half.shared, gradients([hintTerm(block)]).shared.map((value) => value * 0.5), 1e-4);
});

forEachEngine("trainStep() evaluates a changing factor in each step", () => {
  const ramp: GradientPolicy = [{ from: ({ step, steps }) => step / steps, to: 1, shared: 1 }];
  const whole = gradients([hintTerm(pass)]);
  assert(none(gradients([hintTerm(ramp)], 0).booster));
  assertClose(
    gradients([hintTerm(ramp)], 5).booster,
    whole.booster.map((value) => value / 2),
    1e-4,
  );
});

forEachEngine("trainStep() with a reversed pass teaches the booster from the light net", () => {
  const moved = gradients([
    hintTerm([{ from: 0, to: 1, shared: 1 }, { from: 0, to: 1, shared: 1, reversed: true }]),
  ]);
  assertClose(moved.light, gradients([hintTerm(block)]).light, 1e-4);
  // By hand: the same hint with the light net as its teacher, its gradient passed to the booster
  // alone.
  const toBooster: Term = {
    ...hintTerm([{ from: 1, to: 0, shared: 1 }], (booster, light) => hint(light, booster)),
  };
  const byHand = gradients([toBooster]);
  assertClose(moved.booster, byHand.booster, 1e-4);
});

forEachEngine("gradientNorms() is exactly zero for blocked gradients", async () => {
  const terms = [hintTerm(block)];
  const model = build(terms);
  const state = initialState(model, initialValues(model.variables, 3));
  const [row] = await gradientNorms(model, state, inputs(terms));
  assertEquals(row!.norms.booster, 0);
  const moved = gradients(terms);
  assertAlmostEquals(row!.norms.light!, Math.hypot(...moved.light), 1e-4);
  assertAlmostEquals(row!.norms.shared!, Math.hypot(...moved.shared), 1e-4);
  disposeState(state);
});

forEachEngine("trainStep() leaks no tensor", () => {
  const terms = [hintTerm(block), {
    ...hintTerm([{ from: 0, to: 1, shared: 0.5 }]),
    name: "other",
  }];
  const model = build(terms);
  let state = initialState(model, initialValues(model.variables, 3));
  const input = inputs(terms);
  const counts: number[] = [];
  for (let step = 0; step < 3; step++) {
    const result = trainStep(model, state, input);
    disposeState(state, result.state);
    state = result.state;
    tf.dispose([result.losses, result.norm]);
    counts.push(tf.memory().numTensors);
  }
  assertEquals(counts[1], counts[0]);
  assertEquals(counts[2], counts[0]);
  disposeState(state);
});
