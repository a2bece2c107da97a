import { describeValue } from "../base/describe_value.ts";
import * as tf from "@tensorflow/tfjs";
import { hint } from "../base/hints.ts";
import { scaleGradient } from "../engine/ops.ts";
import { callStage, StageError, type StageReference } from "../stages/stage_error.ts";
import type { Factor, GradientPolicy, Position } from "../stages/gradient.ts";
import type { HintLoss, LossScope, TaskLoss } from "../stages/loss.ts";
import type { NetName } from "../stages/network.ts";
import type { Forward, Gate } from "./forward.ts";
import type { BatchTensors } from "./tensors.ts";

/** An output of a net: `booster.logits`. */
export interface OutputReference {
  /** The net. */
  readonly net: NetName;
  /** The output's name. */
  readonly output: string;
}

/** What all loss terms have. */
interface TermBase {
  /** The term's name, unique in the run. */
  readonly name: string;
  /** The loss stage, for messages. */
  readonly stage: StageReference;
  /** The factor on the term in the total loss. */
  readonly weight: number;
  /** What passes to whom. */
  readonly policy: GradientPolicy;
}

/** A comparison with the label. */
export interface TaskTerm extends TermBase {
  readonly form: "task";
  readonly compute: TaskLoss;
  readonly on: OutputReference;
  /** The shape of a row of the logits that it compares, where zeros there are a uniform guess. */
  readonly guess?: readonly number[] | undefined;
}

/** A comparison of two outputs. */
export interface HintPair {
  readonly compute: HintLoss;
  /** The loss the other way round, for passes that are reversed; `compute` by default. */
  readonly reversed?: HintLoss;
  readonly from: OutputReference;
  readonly to: OutputReference;
}

/** The sum of comparisons of two outputs. */
export interface HintTerm extends TermBase {
  readonly form: "hint";
  readonly pairs: readonly HintPair[];
}

/** One loss of the total loss. */
export type Term = TaskTerm | HintTerm;

/** This step's values of the factors that change over a run. */
export type FactorValues = ReadonlyMap<Factor, tf.Scalar>;

/**
 * The factors of all terms that are functions of the position. Their values are inputs of a step,
 * so that a step that was recorded once holds for the whole run.
 *
 * @param terms The loss terms.
 */
export function changingFactors(
  terms: readonly Term[],
): readonly ((position: Position) => number)[] {
  const factors = terms.flatMap(({ policy }) =>
    policy.flatMap(({ from, to, shared }) => [from, to, shared])
  );
  return [...new Set(factors.filter((factor) => typeof factor === "function"))];
}

/**
 * The value of a loss term, a scalar before its weight.
 *
 * @param term The term.
 * @param forward The step's forward passes.
 * @param rows The labels, `[batch]`, and how much each row counts, `[batch]`; all alike by default.
 *   A loss that compares rows with one another, and so is one number, stays as it is.
 * @param factors This step's values of changing factors.
 * @throws {StageError} If the loss returns anything but one number a row or one number.
 */
export function termLoss(
  term: Term,
  forward: Forward,
  rows: LabelledRows,
  factors: FactorValues,
): tf.Scalar {
  const { label } = rows;
  const gate = (factor: Factor): Gate => typeof factor === "number" ? factor : factors.get(factor)!;
  const gated = (reference: OutputReference, factor: Factor, shared: Factor) => {
    // A blocked output passes nothing on, so that it needs no pass with gated shared variables.
    const outputs = forward.outputs(reference.net, factor === 0 ? 1 : gate(shared));
    return scaleGradient(outputs[reference.output]!, gate(factor));
  };
  const scope: LossScope = { label, read: (variable) => forward.read(variable) };
  const losses = term.policy.flatMap(({ from, to, shared, reversed }) => {
    if (term.form === "task") {
      const output = gated(term.on, to, shared);
      return [meanLoss(term, rows, () => term.compute(output, label, scope))];
    }
    return term.pairs.map((pair) => {
      const [teacher, student] = reversed ? [pair.to, pair.from] : [pair.from, pair.to];
      const compute = reversed ? pair.reversed ?? pair.compute : pair.compute;
      const teacherOutput = gated(teacher, from, shared),
        studentOutput = gated(student, to, shared);
      return meanLoss(term, rows, () => compute(teacherOutput, studentOutput, scope));
    });
  });
  return losses.length === 1 ? losses[0]! : tf.addN(losses);
}

/**
 * What a uniform guess costs: the value of a loss term for logits of 0.
 *
 * @param term The term, which has a `guess`.
 * @param rows The labels, and how much each row counts.
 * @param read The value of a variable of the loss.
 * @throws {StageError} If the loss returns anything but one number a row or one number.
 */
export function uniformLoss(
  term: TaskTerm,
  rows: LabelledRows,
  read: LossScope["read"],
): tf.Scalar {
  const { label } = rows;
  const zeros = tf.zeros([label.shape[0]!, ...term.guess!]);
  const loss = meanLoss(term, rows, () => term.compute(zeros, label, { label, read }));
  return tf.mul(loss, term.policy.length);
}

/** What of a batch a loss needs beside the nets' outputs. */
export type LabelledRows = Pick<BatchTensors, "label" | "weight">;

/** The smallest number that a float32 has in full. */
const minWeight = 2 ** -126;

function meanLoss(
  { stage }: Term,
  { label, weight }: LabelledRows,
  compute: () => tf.Tensor,
): tf.Scalar {
  const count = label.shape[0]!;
  const loss = callStage(stage, "its loss", compute);
  if (!(loss instanceof tf.Tensor)) {
    throw new StageError(stage, `returned ${describeValue(loss)} instead of a tensor`, {
      hint: lossHint("batch"),
    });
  }
  if (loss.rank === 0) return loss as tf.Scalar;
  if (loss.rank === 1 && loss.shape[0] === count) {
    if (!weight) return tf.mean(loss);
    // Rows that all weigh nothing have no loss rather than one that is not a number: tf.divNoNan(),
    // which compares, has no gradient.
    return tf.div(tf.sum(tf.mul(loss, weight)), tf.maximum(tf.sum(weight), minWeight));
  }
  throw new StageError(
    stage,
    `returned a tensor of shape [${loss.shape}] for a batch of ${count} rows`,
    { hint: lossHint(count) },
  );
}

/** What a loss has to return for so many rows. */
const lossHint = (rows: number | "batch") =>
  hint("loss/value", `return one loss a row [${rows}], or their mean, a scalar []`, {
    edit: "the stage",
  });
