/**
 * Lengths and directions of vectors, with gradients that stay finite where a vector is 0.
 *
 * @module
 */

import { tf } from "../../plugin.ts";

/** A length below this counts as this, as in PyTorch's `F.normalize()`. */
const LEAST = 1e-12;

/**
 * The lengths of vectors, at least 10⁻¹²; a vector of 0 has no gradient.
 *
 * @param x The vectors, along the last axis.
 * @returns Their lengths; the last axis stays, with size 1.
 */
export function lengths(x: tf.Tensor): tf.Tensor {
  return tf.sqrt(tf.maximum(tf.sum(tf.square(x), -1, true), LEAST ** 2));
}

/**
 * Vectors of length 1 in the same directions; a vector of 0 stays 0.
 *
 * @param x The vectors, along the last axis.
 */
export function normalized(x: tf.Tensor): tf.Tensor {
  return tf.div(x, lengths(x));
}

/**
 * Each row as one vector.
 *
 * @param x `[batch, ...shape]`.
 * @returns `[batch, size]`.
 */
export function flattened(x: tf.Tensor): tf.Tensor2D {
  const [rows, ...shape] = x.shape;
  return tf.reshape(x, [rows!, shape.reduce((a, b) => a * b, 1)]);
}

/**
 * The smooth L1 distance: half the square where it is below 1, else the distance minus ½.
 *
 * @param a The one.
 * @param b The other, of the same shape.
 */
export function smoothL1(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const distance = tf.abs(tf.sub(a, b));
  const square = tf.minimum(distance, 1);
  return tf.add(tf.mul(tf.square(square), 0.5), tf.sub(distance, square));
}

/**
 * The mean over all axes, one after another: so the numbers that it divides by grow in proportion to the
 * rows, and a step that was recorded with few rows holds for many.
 *
 * @param x The numbers.
 */
export function meanOfAll(x: tf.Tensor): tf.Scalar {
  let mean = x;
  while (mean.rank > 0) mean = tf.mean(mean, 0);
  return mean as tf.Scalar;
}
