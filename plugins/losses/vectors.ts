/**
 * Lengths and directions of vectors, with gradients that stay finite where a vector is 0.
 *
 * @module
 */

import { tf } from "../../plugin.ts";

/**
 * The minimum length of a vector, as in PyTorch's `F.normalize()`. Shorter vectors are treated as
 * this long.
 */
const LEAST = 1e-12;

/**
 * Computes the lengths of vectors, at least 10⁻¹². The gradient at a zero vector is 0.
 *
 * @param x The vectors, along the last axis.
 * @returns Their lengths; the last axis stays, with size 1.
 */
export function lengths(x: tf.Tensor): tf.Tensor {
  return tf.sqrt(tf.maximum(tf.sum(tf.square(x), -1, true), LEAST ** 2));
}

/**
 * Scales vectors to length 1. A zero vector stays 0.
 *
 * @param x The vectors, along the last axis.
 */
export function normalized(x: tf.Tensor): tf.Tensor {
  return tf.div(x, lengths(x));
}

/**
 * Flattens each row to one vector.
 *
 * @param x `[batch, ...shape]`.
 * @returns `[batch, size]`.
 */
export function flattened(x: tf.Tensor): tf.Tensor2D {
  const [rows, ...shape] = x.shape;
  return tf.reshape(x, [rows!, shape.reduce((a, b) => a * b, 1)]);
}

/**
 * Computes the smooth L1 distance: half the squared difference where the absolute difference is
 * below 1, otherwise the absolute difference minus ½.
 *
 * @param a The first tensor.
 * @param b The second tensor, of the same shape.
 */
export function smoothL1(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const distance = tf.abs(tf.sub(a, b));
  const square = tf.minimum(distance, 1);
  return tf.add(tf.mul(tf.square(square), 0.5), tf.sub(distance, square));
}

/**
 * Computes the mean over all axes, one axis at a time. Each divisor is then proportional to the
 * number of rows, so a graph that was recorded with few rows also computes the correct mean for
 * many rows.
 *
 * @param x The numbers.
 */
export function meanOfAll(x: tf.Tensor): tf.Scalar {
  let mean = x;
  while (mean.rank > 0) mean = tf.mean(mean, 0);
  return mean as tf.Scalar;
}
