/**
 * What losses ask of the outputs that they compare.
 *
 * @module
 */

import { type LabelSpec, type LossContext, tf, UserError } from "../../plugin.ts";

/**
 * Refuses a label of another kind than a loss compares with.
 *
 * @param loss The loss's name.
 * @param label The label.
 * @param kind What it has to be.
 * @throws {UserError} If it is not.
 */
export function wantLabel(loss: string, label: LabelSpec, kind: LabelSpec["kind"]): void {
  if (label.kind === kind) return;
  const suited = {
    class: "cross-entropy",
    binary: "binary-cross-entropy",
    number: "mean-squared-error",
  };
  throw new UserError(`${loss} compares with a label of kind ${kind}; this one is ${label.kind}`, {
    hint: `use ${suited[label.kind]}, or say data.label: { column: …, kind: ${kind} }`,
  });
}

/**
 * Refuses an output that is not `[batch, units]`.
 *
 * @param loss The loss's name.
 * @param shape The output's shape, without the batch.
 * @param units How many units there must be, if that is fixed.
 * @throws {UserError} If it is not.
 */
export function wantUnits(loss: string, shape: readonly number[], units?: number): void {
  if (shape.length === 1 && (units === undefined || shape[0] === units)) return;
  throw new UserError(
    `${loss} compares outputs of shape [batch, ${units ?? "units"}]; this one is ` +
      `[${["batch", ...shape].join(", ")}]`,
    { hint: "compare logits" },
  );
}

/**
 * Refuses nets that predict a number: what they put out is no logit, and has no probability.
 *
 * @param loss The loss's name.
 * @param context What the loss knows.
 * @throws {UserError} If the label is a number.
 */
export function wantProbabilities(loss: string, { label }: LossContext): void {
  if (label.kind !== "number") return;
  throw new UserError(`${loss} compares probabilities; nets that predict a number have none`, {
    hint: "use mse-hint, which compares the numbers themselves",
  });
}

/**
 * Refuses two outputs of different shapes.
 *
 * @param loss The loss's name.
 * @param context What the loss knows.
 * @throws {UserError} If they differ.
 */
export function wantAlike(loss: string, { shapes: [from, to] }: LossContext): void {
  if (from!.join() === to!.join()) return;
  throw new UserError(
    `${loss} compares outputs of one shape; got [${["batch", ...from!].join(", ")}] and ` +
      `[${["batch", ...to!].join(", ")}]`,
    { hint: "choose outputs of equal shape with `from:` and `to:`" },
  );
}

/**
 * Log-probabilities of classes. One logit stands for two classes, the second with logit 0.
 *
 * @param logits `[batch, units]`.
 * @param temperature What the logits are divided by.
 * @returns `[batch, classes]`.
 */
export function logProbabilities(logits: tf.Tensor, temperature: number): tf.Tensor {
  const scaled = temperature === 1 ? logits : tf.div(logits, temperature);
  const classes = scaled.shape[1] === 1 ? tf.concat([scaled, tf.zerosLike(scaled)], 1) : scaled;
  return tf.logSoftmax(classes);
}
