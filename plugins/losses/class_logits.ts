/**
 * Computes class probabilities from logits, and compares them. Used by several losses.
 *
 * @module
 */

import { type HintLoss, type LossContext, tf } from "../../plugin.ts";

/**
 * Returns the number of classes that a net's logits distinguish. A single logit represents two
 * classes.
 *
 * @param shape The logits' shape, without the batch.
 */
export function classesOf(shape: readonly number[]): number {
  return Math.max(shape[0]!, 2);
}

/**
 * Computes the log-probability of each class from logits. A single logit belongs to the positive
 * one of two classes; the other class has the logit 0.
 *
 * @param logits `[batch, units]`.
 * @param temperature The temperature T that divides the logits.
 * @returns `[batch, classes]`.
 */
export function logProbabilities(logits: tf.Tensor, temperature: number): tf.Tensor {
  return tf.logSoftmax(classLogits(logits, temperature));
}

/**
 * Returns one logit per class, divided by a temperature. If the net has a single logit for two
 * classes, a zero is added as the logit of the other class.
 *
 * @param logits `[batch, units]`.
 * @param temperature The temperature T that divides the logits.
 * @returns `[batch, classes]`.
 */
export function classLogits(logits: tf.Tensor, temperature: number): tf.Tensor {
  const scaled = temperature === 1 ? logits : tf.div(logits, temperature);
  return scaled.shape[1] === 1 ? tf.concat([scaled, tf.zerosLike(scaled)], 1) : scaled;
}

/**
 * Adapts a loss that compares the probabilities of classes to the kind of the label. With a label of
 * kind `multi-label`, each logit stands for the two outcomes of its class, like that of a binary
 * label, and the loss of a row is the mean over its classes.
 *
 * @param context The label.
 * @param loss The loss of logits, `[rows, units]`, one value per row.
 */
export function overClasses(
  { label: { kind } }: Pick<LossContext, "label">,
  loss: (from: tf.Tensor, to: tf.Tensor) => tf.Tensor,
): HintLoss {
  if (kind !== "multi-label") return loss;
  return (from, to) => {
    const each = loss(tf.reshape(from, [-1, 1]), tf.reshape(to, [-1, 1]));
    return tf.mean(tf.reshape(each, [-1, to.shape[1]!]), -1);
  };
}

/**
 * Computes the Kullback-Leibler divergence Σ p (log p − log q), one value per row.
 *
 * @param p Log-probabilities, `[batch, classes]`.
 * @param q The log-probabilities to compare with, of the same shape.
 * @returns `[batch]`.
 */
export function divergence(p: tf.Tensor, q: tf.Tensor): tf.Tensor {
  return tf.sum(tf.mul(tf.exp(p), tf.sub(p, q)), -1);
}
