/**
 * Computes class probabilities from logits, and compares them. Used by several losses.
 *
 * @module
 */

import { tf } from "../../plugin.ts";

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
 * Computes the Kullback-Leibler divergence Σ p (log p − log q), one value per row.
 *
 * @param p Log-probabilities, `[batch, classes]`.
 * @param q The log-probabilities to compare with, of the same shape.
 * @returns `[batch]`.
 */
export function divergence(p: tf.Tensor, q: tf.Tensor): tf.Tensor {
  return tf.sum(tf.mul(tf.exp(p), tf.sub(p, q)), -1);
}
