/**
 * What losses ask of the outputs that they compare.
 *
 * @module
 */

import {
  hint,
  type HintText,
  type LabelSpec,
  type LossContext,
  tf,
  UserError,
} from "../../plugin.ts";

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
    hint: hint(
      "losses/label",
      `use ${suited[label.kind]}, or say data.label: { column: …, kind: ${kind} }`,
      [{ set: { use: suited[label.kind] } }, { set: { "/data/label/kind": kind } }],
    ),
  });
}

/** Both nets' logits are of one shape. */
const logits = { set: { from: "booster.logits", to: "light.logits" } };

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
      shapeText(shape),
    {
      hint: units === undefined
        ? hint(
          "losses/logits",
          "compare logits: `from: booster.logits` and `to: light.logits`",
          logits,
        )
        : hint("losses/logits-on", "compare logits: `on: light.logits` or `on: booster.logits`", [
          { set: { on: "light.logits" } },
          { set: { on: "booster.logits" } },
        ]),
    },
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
    hint: hint("losses/numbers", "use mse-hint, which compares the numbers themselves", {
      set: { use: "mse-hint" },
    }),
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
  const channels = from!.length === to!.length &&
    from!.slice(0, -1).join() === to!.slice(0, -1).join();
  throw new UserError(
    `${loss} compares outputs of one shape; got ${shapeText(from!)} and ${shapeText(to!)}`,
    {
      hint: channels
        ? hint(
          "losses/alike-or-fitnet",
          "choose outputs of equal shape with `from:` and `to:`, such as booster.logits and light.logits, " +
            "or use fitnet, which learns a regressor between them",
          [logits, { set: { use: "fitnet" } }],
        )
        : hint(
          "losses/alike",
          "choose outputs of equal shape with `from:` and `to:`, such as booster.logits and light.logits",
          logits,
        ),
    },
  );
}

/**
 * Refuses fewer classes than a loss has something to say on.
 *
 * @param loss The loss's name.
 * @param context What the loss knows; its outputs are logits.
 * @param least How many there must be; one logit stands for two.
 * @param why Why, and what to do.
 * @throws {UserError} If there are fewer.
 */
export function wantClasses(
  loss: string,
  { shapes }: LossContext,
  least: number,
  why: HintText,
): void {
  const classes = classesOf(shapes[0]!);
  if (classes >= least) return;
  const got = shapes[0]![0] === 1 ? "one logit, which stands for two classes" : `${classes}`;
  throw new UserError(`${loss} needs ${least} classes or more; there are ${got}`, { hint: why });
}

/**
 * How many classes logits tell apart: one logit stands for two.
 *
 * @param shape The logits' shape, without the batch.
 */
export function classesOf(shape: readonly number[]): number {
  return Math.max(shape[0]!, 2);
}

/**
 * The shape of an output in words.
 *
 * @param shape The shape, without the batch.
 */
export function shapeText(shape: readonly number[]): string {
  return `[${["batch", ...shape].join(", ")}]`;
}

/**
 * Log-probabilities of classes. One logit stands for two classes, the second with logit 0.
 *
 * @param logits `[batch, units]`.
 * @param temperature What the logits are divided by.
 * @returns `[batch, classes]`.
 */
export function logProbabilities(logits: tf.Tensor, temperature: number): tf.Tensor {
  return tf.logSoftmax(classLogits(logits, temperature));
}

/**
 * Logits of classes. One logit stands for two classes, the second with logit 0.
 *
 * @param logits `[batch, units]`.
 * @param temperature What the logits are divided by.
 * @returns `[batch, classes]`.
 */
export function classLogits(logits: tf.Tensor, temperature: number): tf.Tensor {
  const scaled = temperature === 1 ? logits : tf.div(logits, temperature);
  return scaled.shape[1] === 1 ? tf.concat([scaled, tf.zerosLike(scaled)], 1) : scaled;
}

/**
 * The Kullback-Leibler divergence Σ p (log p − log q), one a row.
 *
 * @param p Log-probabilities, `[batch, classes]`.
 * @param q Those that it is the divergence of.
 * @returns `[batch]`.
 */
export function divergence(p: tf.Tensor, q: tf.Tensor): tf.Tensor {
  return tf.sum(tf.mul(tf.exp(p), tf.sub(p, q)), -1);
}
