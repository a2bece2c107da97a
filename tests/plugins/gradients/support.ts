/**
 * A rocket so small that its gradients can be worked out by hand, to see what a policy does in a
 * step.
 *
 * Each net is one product: the light net's logit is `light · shared · x`, the booster's `booster ·
 * shared · x`. With the starting values and rows below the logits are 6x and 10x, and the mean of
 * x² is 2.5.
 *
 * @module
 */

import { classLabel } from "../../support/labels.ts";
import * as tf from "@tensorflow/tfjs";
import type {
  Factor,
  GradientPolicy,
  GradientStage,
  HintLoss,
  LabelSpec,
  LossStage,
  Net,
  NetName,
  Position,
  TaskLoss,
  VariableOwner,
} from "../../../plugin.ts";
import meanSquaredError from "../../../plugins/losses/mean_squared_error.ts";
import mseHint from "../../../plugins/losses/mse_hint.ts";
import { changingFactors, type Term } from "../../../src/train/objective.ts";
import { disposeState, initialState, type Model, trainStep } from "../../../src/train/step.ts";
import { DeclaredVariables, initialValues } from "../../../src/train/variables.ts";

/** Where the variables start. */
export const start = { light: 3, booster: 5, shared: 2 } as const;

/** The rows. */
export const rows: readonly number[] = [1, -2];

/**
 * The gradient of the hint `mse-hint` by each variable, through one side of the comparison alone.
 * The loss is the mean of (10x − 6x)²: 2 · 4x times the logit's derivative, which is 2x by a net's
 * own variable, and by the shared one the own variable times x.
 */
export const hintGradients = {
  /** Through the booster's logits. */
  booster: { booster: 40, shared: 100 },
  /** Through the light net's logits. */
  light: { light: -40, shared: -60 },
} as const;

/**
 * The gradient of the light net's squared distance from 0, the mean of (6x)²: 2 · 6x · 2x, 2 · 6x ·
 * 3x.
 */
export const taskGradients = { light: 60, shared: 90 } as const;

/**
 * The gradient of each variable that the loss reaches; a variable that it does not reach is absent.
 */
export type Moved = Partial<Record<VariableOwner, number>>;

/** A factor of a policy at some position. */
export type FactorsAt = Readonly<Record<"from" | "to" | "shared", number>> & {
  readonly reversed?: boolean;
};

/**
 * A position in a run of 4 epochs of 5 steps.
 *
 * @param step The step, from 0.
 */
export function positionAt(step: number): Position {
  return { step, steps: 20, epoch: step / 5, epochs: 4 };
}

/**
 * A policy.
 *
 * @param stage The stage.
 * @param options The options, as a pipeline file has them.
 */
export function makePolicy(stage: GradientStage, options: unknown = {}): GradientPolicy {
  return stage.create(stage.options.parse(options), {
    label: classLabel(3),
    shapes: [[3], [3]],
    shapeOf: () => [3],
    variables: new DeclaredVariables().ofLoss("tried"),
  });
}

/**
 * What a policy comes to at a position.
 *
 * @param policy The policy.
 * @param step The step, from 0, as in {@linkcode positionAt}.
 */
export function factorsAt(policy: GradientPolicy, step = 0): FactorsAt[] {
  const at = (factor: Factor) => typeof factor === "function" ? factor(positionAt(step)) : factor;
  return policy.map(({ from, to, shared, ...rest }) => ({
    from: at(from),
    to: at(to),
    shared: at(shared),
    ...rest,
  }));
}

/**
 * The gradients of a hint from the booster's logits to the light net's.
 *
 * @param policy The policy.
 * @param step The step, from 0, as in {@linkcode positionAt}.
 * @param stage The hint; `mse-hint` by default.
 */
export function hintMoves(
  policy: GradientPolicy,
  step = 0,
  stage: LossStage = mseHint,
): Moved {
  return moves({
    ...termBase(policy),
    form: "hint",
    pairs: [{
      compute: makeLoss(stage, [[1], [1]]) as HintLoss,
      from: { net: "booster", output: "logits" },
      to: { net: "light", output: "logits" },
    }],
  }, step);
}

/**
 * The value of a hint whose weight changes, and the gradient that it sends to the light net.
 *
 * @param weight The weight before the schedule.
 * @param schedule How the weight changes.
 * @param step The step, from 0, as in {@linkcode positionAt}.
 */
export function weightedHint(
  weight: number,
  schedule: (position: Position) => number,
  step: number,
): { total: number; term: number; light: number } {
  const { moved, losses: [total, term] } = stepOf({
    ...termBase([{ from: 0, to: 1, shared: 0 }]),
    weight,
    schedule,
    form: "hint",
    pairs: [{
      compute: makeLoss(mseHint, [[1], [1]]) as HintLoss,
      from: { net: "booster", output: "logits" },
      to: { net: "light", output: "logits" },
    }],
  }, step);
  return { total: total!, term: term!, light: moved.light! };
}

/**
 * The gradients of the squared distance of one net's logit from labels of 0.
 *
 * @param policy The policy.
 * @param net The net.
 * @param step The step, from 0, as in {@linkcode positionAt}.
 */
export function taskMoves(policy: GradientPolicy, net: NetName = "light", step = 0): Moved {
  return moves({
    ...termBase(policy),
    form: "task",
    compute: makeLoss(meanSquaredError, [[1]]) as TaskLoss,
    on: { net, output: "logits" },
  }, step);
}

const label: LabelSpec = { kind: "number", classes: 0, shape: [], dtype: "float32" };
const binary: LabelSpec = { ...label, kind: "binary", classes: 2 };

function makeLoss(stage: LossStage, shapes: number[][]): HintLoss | TaskLoss {
  // Hints of probabilities refuse nets that predict a number.
  const suited = stage.form === "hint" ? binary : label;
  const variables = new DeclaredVariables().ofLoss("tried");
  return stage.create(stage.options.parse({}), { label: suited, shapes, variables });
}

function termBase(policy: GradientPolicy) {
  return { name: "loss", stage: { kind: "loss", name: "tried" }, weight: 1, policy } as const;
}

function moves(term: Term, step: number): Moved {
  return stepOf(term, step).moved;
}

/** Takes one step and keeps the gradients that reach the optimizer. */
function stepOf(term: Term, step: number): { moved: Moved; losses: number[] } {
  const moved: Moved = {};
  const model: Model = {
    ...rocket(),
    terms: [term],
    optimizer: {
      slots: {},
      update({ variable, value, gradient }) {
        moved[variable.owner] = gradient.dataSync()[0]!;
        return { value: tf.clone(value), slots: {} };
      },
    },
    optimizerStage: { kind: "optimizer", name: "tried" },
  };
  const state = initialState(model, initialValues(model.variables, 0));
  const factors = changingFactors([term]).map((factor) => tf.scalar(factor(positionAt(step))));
  const result = trainStep(model, state, {
    features: { x: tf.tensor2d([...rows], [rows.length, 1]) },
    label: tf.zeros([rows.length]),
    learningRate: tf.scalar(1),
    step: tf.scalar(step + 1),
    scalars: {},
    seed: tf.scalar(0, "int32"),
    factors,
  });
  const losses = [...result.losses.dataSync()];
  disposeState(state, result.state);
  disposeState(result.state);
  tf.dispose([result.losses, result.norm]);
  return { moved, losses };
}

function rocket(): Pick<Model, "pair" | "variables"> {
  const variables = new DeclaredVariables();
  const declare = (owner: NetName | "shared") =>
    variables.add({
      name: owner,
      shape: [],
      initializer: { kind: "constant", value: start[owner] },
      owner,
    });
  const shared = declare("shared");
  const net = (owner: NetName): Net => {
    const own = declare(owner);
    return ({ x }, scope) => ({ logits: tf.mul(scope.read(own), tf.mul(scope.read(shared), x!)) });
  };
  return { pair: { light: net("light"), booster: net("booster") }, variables: variables.all };
}
