/**
 * Compares the scores of rows within groups. Used by several losses.
 *
 * @module
 */

import { columnOption, hint, type LossContext, ops, tf, UserError, z } from "../../plugin.ts";
import { shapeText } from "./checks.ts";

/** The option `by` of losses by group: the column that identifies the group of a row. */
export const byOption = columnOption(
  z.string().min(1, { error: "expected the name of a column" }),
).describe(
  "The column of the source that identifies the group of a row, such as a user's id. Only rows of " +
    "the same group are compared.",
);

/** The option `temperature` of hints by group. */
export const temperatureOption = z.number().positive().default(1).describe(
  "The temperature T that divides the scores. The loss is multiplied by T².",
);

/**
 * Throws an error if an output does not have one score per row: one unit, or two logits.
 *
 * @param loss The loss's name.
 * @param context The shapes of the outputs.
 * @throws {UserError} If an output has another shape.
 */
export function requireScores(loss: string, { shapes }: LossContext): void {
  const other = shapes.find((shape) => shape.length !== 1 || shape[0]! > 2);
  if (!other) return;
  throw new UserError(
    `the loss ${loss} ranks rows by one score, from one or two logits; got ${shapeText(other)}`,
    {
      hint: hint(
        "losses/scores",
        "compare logits, and write `kind: binary` or `kind: number` in data.label, so that there " +
          "is one logit",
        { set: { "/data/label/kind": "number" } },
      ),
    },
  );
}

/**
 * Computes the score of each row: its logit, or the second logit minus the first.
 *
 * @param output Logits, `[batch, 1]` or `[batch, 2]`.
 * @returns `[batch]`.
 */
export function scoresOf(output: tf.Tensor): tf.Tensor1D {
  if (output.shape[1] === 1) return tf.reshape(output, [-1]) as tf.Tensor1D;
  const [negative, positive] = tf.unstack(output, 1);
  return tf.sub(positive!, negative!) as tf.Tensor1D;
}

/**
 * Computes which rows are of the same group.
 *
 * @param groups The number of each row's group, `[batch]`.
 * @returns `[batch, batch]`, bool.
 */
export function sameGroup(groups: tf.Tensor): tf.Tensor2D {
  return tf.equal(tf.expandDims(groups, 1), tf.expandDims(groups, 0)) as tf.Tensor2D;
}

/**
 * Computes the differences xᵢ − xⱼ of all pairs of rows.
 *
 * @param x `[batch]`.
 * @returns `[batch, batch]`.
 */
export function differences(x: tf.Tensor1D): tf.Tensor2D {
  return tf.sub(tf.expandDims(x, 1), tf.expandDims(x, 0)) as tf.Tensor2D;
}

/**
 * Computes the mean of log(1 + eᵒ) − p · o over pairs of rows, where o is the difference of the
 * scores of a pair, and p a probability: the cross-entropy between p and the sigmoid of o (Burges
 * et al., 2005, equation 3).
 *
 * @param difference The differences o of scores, `[batch, batch]`.
 * @param probability The probabilities p, of the same shape.
 * @param pairs The pairs to consider, of the same shape, bool.
 * @returns A scalar; 0 without pairs.
 */
export function pairLoss(
  difference: tf.Tensor2D,
  probability: tf.Tensor2D,
  pairs: tf.Tensor2D,
): tf.Scalar {
  const softplus = ops.sigmoidCrossEntropy(difference, tf.zerosLike(difference));
  const losses = tf.sub(softplus, tf.mul(probability, difference));
  const chosen = tf.cast(pairs, "float32");
  return tf.div(tf.sum(tf.mul(losses, chosen)), tf.maximum(tf.sum(chosen), 1)) as tf.Scalar;
}

/** A score that has no part in a softmax. */
const LOWEST = -1e30;

/**
 * Computes the log of each row's share in the softmax of its group: sᵢ − log Σⱼ e^sⱼ.
 *
 * @param scores The scores, `[batch]`.
 * @param same Which rows are of the same group, from {@linkcode sameGroup}.
 * @returns `[batch]`.
 */
export function logShares(scores: tf.Tensor1D, same: tf.Tensor2D): tf.Tensor1D {
  const all = tf.add(tf.zerosLike(tf.cast(same, "float32")), tf.expandDims(scores, 0));
  const own = tf.where(same, all, tf.fill([1, 1], LOWEST));
  return tf.sub(scores, tf.logSumExp(own, 1)) as tf.Tensor1D;
}

/**
 * Computes for each row the sum of the values of all rows in its group.
 *
 * @param values `[batch]`.
 * @param same Which rows are of the same group.
 * @returns The sum of its group for each row, `[batch]`.
 */
export function groupSums(values: tf.Tensor, same: tf.Tensor2D): tf.Tensor1D {
  const matrix = tf.cast(same, "float32") as tf.Tensor2D;
  return tf.reshape(tf.matMul(matrix, tf.expandDims(values, 1)), [-1]) as tf.Tensor1D;
}

/**
 * Computes the mean over groups of −Σ p · log q, the cross-entropy of two distributions over the
 * rows of a group: the target p, and q, whose logarithms are the shares. Groups with a single row
 * are left out, because their cross-entropy is 0, and so are groups whose target is 0 in all rows.
 *
 * @param target The probability p of each row in its group, `[batch]`.
 * @param shares The logs of the shares q, `[batch]`.
 * @param same Which rows are of the same group.
 * @returns A scalar; 0 without groups.
 */
export function listLoss(
  target: tf.Tensor1D,
  shares: tf.Tensor1D,
  same: tf.Tensor2D,
): tf.Scalar {
  // Comparisons have no gradient.
  const constant = ops.stopGradient(target), sizes = groupSums(tf.onesLike(constant), same);
  const counts = tf.logicalAnd(tf.greater(sizes, 1.5), tf.greater(groupSums(constant, same), 0));
  // The rows of a group have weights that sum to 1, so this sum counts groups.
  const groups = tf.sum(tf.div(tf.cast(counts, "float32"), sizes));
  const losses = tf.neg(tf.mul(tf.mul(target, shares), tf.cast(counts, "float32")));
  return tf.div(tf.sum(losses), tf.maximum(groups, 1)) as tf.Scalar;
}

/**
 * Divides labels of 0 and 1 by their sum in each group. In a group without positive rows, all
 * results are 0.
 *
 * @param label `[batch]`.
 * @param same Which rows are of the same group.
 * @returns `[batch]`.
 */
export function labelShares(label: tf.Tensor, same: tf.Tensor2D): tf.Tensor1D {
  const positive = tf.cast(label, "float32");
  return tf.div(positive, tf.maximum(groupSums(positive, same), 1)) as tf.Tensor1D;
}
