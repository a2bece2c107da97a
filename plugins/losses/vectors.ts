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
  return lengthOf(squaresOf(x));
}

const squaresOf = (x: tf.Tensor) => tf.sum(tf.square(x), -1, true);

const lengthOf = (squares: tf.Tensor) => tf.sqrt(tf.maximum(squares, LEAST ** 2));

/**
 * Scales vectors to length 1. A vector shorter than 10⁻¹², such as the difference of two equal rows,
 * has no direction: it becomes 0, and so does its gradient. PyTorch's `F.normalize()` multiplies
 * such a gradient by 10¹² instead, which turns rounding errors into large steps.
 *
 * @param x The vectors, along the last axis.
 */
export function normalized(x: tf.Tensor): tf.Tensor {
  const squares = squaresOf(x), isLong = tf.step(tf.sub(squares, LEAST ** 2));
  return tf.div(tf.mul(x, isLong), lengthOf(squares));
}

/** The part of a vector's length that its differences from the mean exceed, if they are not rounding. */
const ROUNDING = 1e-6;

/**
 * Subtracts the mean of each vector. If the values of a vector are equal except for rounding, a
 * division by their deviation would turn rounding errors into large steps: multiply the result by
 * `varies` to make it and its gradient 0.
 *
 * @param x The vectors, along the last axis.
 * @returns The differences from the mean, and 1 for vectors that vary and 0 for others.
 */
export function centered(x: tf.Tensor): { readonly values: tf.Tensor; readonly varies: tf.Tensor } {
  const values = tf.sub(x, tf.mean(x, -1, true));
  const least = tf.add(tf.mul(squaresOf(x), ROUNDING ** 2), LEAST ** 2);
  return { values, varies: tf.step(tf.sub(squaresOf(values), least)) };
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
