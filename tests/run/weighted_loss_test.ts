import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import sgd from "../../plugins/optimizers/sgd.ts";
import type { Optimizer } from "../../plugin.ts";
import { initialState, type Model, trainStep } from "../../src/train/step.ts";
import { DeclaredVariables } from "../../src/train/variables.ts";
import { forEachEngine } from "../support/engines.ts";

const outputs = [1, -2, 3, 0.5], rows = outputs.length;

/** A net whose output is a variable, a row each, and the square of that as the loss of a row. */
function squares(weight: number): Model {
  const variables = new DeclaredVariables();
  const own = variables.add({
    name: "own",
    shape: [rows, 1],
    initializer: { kind: "constant", value: 0 },
    owner: "light",
  });
  return {
    pair: { light: (_features, scope) => ({ logits: scope.read(own) }) },
    variables: variables.all,
    terms: [{
      form: "task",
      name: "squares",
      stage: { kind: "loss", name: "squares" },
      weight,
      policy: [{ from: 1, to: 1, shared: 1 }],
      compute: (output) => tf.square(tf.reshape(output, [-1])),
      on: { net: "light", output: "logits" },
    }],
    optimizer: sgd.create(sgd.options.parse({}), {}) as Optimizer,
    optimizerStage: { kind: "optimizer", name: "sgd" },
  };
}

/** The loss and the gradient of a step in which rows count as much as they are told to. */
function step(weights: number[] | undefined, ofLoss = 1): { loss: number; gradient: number[] } {
  const model = squares(ofLoss);
  const state = initialState(model, { own: tf.tensor2d(outputs.slice(), [rows, 1]) });
  const { state: after, losses } = trainStep(model, state, {
    features: { none: tf.zeros([rows]) },
    label: tf.zeros([rows]),
    ...(weights && { weight: tf.tensor1d(weights) }),
    learningRate: tf.scalar(1),
    step: tf.scalar(1),
    scalars: {},
    seed: tf.scalar(0, "int32"),
    factors: [],
  });
  const moved = after.values.own!.dataSync();
  return { loss: losses.dataSync()[0]!, gradient: outputs.map((was, row) => was - moved[row]!) };
}

forEachEngine("the loss of weighted rows is Σ w·l / Σ w, and so is its gradient", () => {
  const weights = [1, 0, 0.5, 2.5], all = 4;
  const { loss, gradient } = step(weights);
  const mean = outputs.reduce((sum, x, row) => sum + weights[row]! * x ** 2, 0) / all;
  assert(Math.abs(loss - mean) < 1e-6, `${loss} is not ${mean}`);
  outputs.forEach((x, row) => {
    const expected = 2 * x * weights[row]! / all;
    assert(Math.abs(gradient[row]! - expected) < 1e-6, `row ${row}: ${gradient[row]}`);
  });
});

forEachEngine("a loss without weights equals the loss of rows with equal weights", () => {
  const none = step(undefined), alike = step([2, 2, 2, 2]);
  assert(Math.abs(none.loss - alike.loss) < 1e-6);
  none.gradient.forEach((value, row) => assert(Math.abs(value - alike.gradient[row]!) < 1e-6));
});

forEachEngine("a loss of rows that all have the weight 0 is 0 and changes no variable", () => {
  for (const ofLoss of [1, 5, 1e9]) {
    assertEquals(step([0, 0, 0, 0], ofLoss), { loss: 0, gradient: [0, 0, 0, 0] });
  }
});

forEachEngine("rows with tiny weights have the gradients of rows with large ones", () => {
  const { loss, gradient } = step([1e-37, 3e-37, 0, 0], 8);
  assert(Math.abs(loss - 8 * (1 + 3 * 4) / 4) < 1e-4, `${loss}`);
  const expected = [8 * 2 * 0.25, 8 * -4 * 0.75, 0, 0];
  gradient.forEach((value, row) => assert(Math.abs(value - expected[row]!) < 1e-5, `${value}`));
});
