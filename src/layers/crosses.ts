/**
 * Layers that multiply features with each other.
 *
 * @module
 */

import type { Scope, VariableAxis, VariableOwner, VariableRegistry } from "../stages/network.ts";
import * as ops from "../engine/ops.ts";
import { tf } from "../stages/tf.ts";
import type { Units } from "./embed_features.ts";

/**
 * A function that computes the output of a cross layer.
 *
 * @param first The input of the lowest cross layer, `[batch, width]`.
 * @param x The output of the cross layer below, or `first`.
 * @param scope The variables of this step.
 * @returns The output, of the same shape.
 */
export type CrossLayer = (first: tf.Tensor, x: tf.Tensor, scope: Scope) => tf.Tensor;

/**
 * Creates a cross layer of DCN-V2 (Wang et al., 2021, arXiv:2008.13535, equation 1):
 *
 * xₗ₊₁ = x₀ ⊙ (W xₗ + b) + xₗ
 *
 * With a rank r, W is the product U Vᵀ of two matrices with r columns (equation 2). Initial kernels
 * follow Glorot and Bengio (2010): a normal distribution with deviation √(2 / (fan-in + fan-out)).
 * The initial bias is 0.
 *
 * @param variables Declares the kernel `[width, width]`, or the kernels `down`, `[width, rank]`
 *   (V), and `up`, `[rank, width]` (Uᵀ), and the bias.
 * @param name The layer's name.
 * @param units The input of the lowest cross layer, which has the same units as the output.
 * @param rank The rank of the matrix; undefined for a full matrix.
 * @param owner The owner of the variables.
 * @returns The layer.
 */
export function crossLayer(
  variables: VariableRegistry,
  name: string,
  { width, axis }: Units,
  rank: number | undefined,
  owner: VariableOwner,
): CrossLayer {
  const kernel = (part: string, shape: readonly [number, number], axes: VariableAxis[]) =>
    variables.add({
      name: `${name}/${part}`,
      shape,
      initializer: { kind: "normal", deviation: Math.sqrt(2 / (shape[0] + shape[1])) },
      owner,
      axes,
    });
  const kernels = rank === undefined ? [kernel("kernel", [width, width], [axis, axis])] : [
    kernel("down", [width, rank], [axis, "units"]),
    kernel("up", [rank, width], ["units", axis]),
  ];
  const bias = variables.add({
    name: `${name}/bias`,
    shape: [width],
    initializer: { kind: "constant", value: 0 },
    owner,
    axes: [axis],
  });
  return (first, x, scope) => {
    const product = kernels.reduce((y, kernel) => tf.matMul(y, scope.read(kernel)), x);
    const linear = ops.biasAdd(product, scope.read(bias) as tf.Tensor1D);
    return tf.add(tf.mul(first, linear), x);
  };
}

/**
 * Computes the sum of the inner products of all pairs of fields, the second-order term of a
 * factorization machine (Rendle, 2010, equation 5): Σᵢ Σⱼ₍ⱼ﹥ᵢ₎ ⟨vᵢ, vⱼ⟩.
 *
 * Each vector is multiplied by the sum of the vectors after it. Half of the difference between the
 * square of the sum and the sum of the squares would be the same with exact numbers, but a field
 * with large values, such as a number that is not normalized, would leave only rounding errors.
 *
 * @param x The vectors of all fields, concatenated, `[batch, fields · size]`.
 * @param fields The number of fields.
 * @returns The sums, `[batch, 1]`.
 */
export function pairProducts(x: tf.Tensor, fields: number): tf.Tensor {
  const [batch, width] = x.shape as [number, number], size = width / fields;
  const vectors = tf.transpose(tf.reshape(x, [batch, fields, size]), [0, 2, 1]);
  const rows = tf.reshape(vectors, [batch * size, fields]);
  const after = Array.from(
    { length: fields * fields },
    (_, index) => Math.floor(index / fields) > index % fields ? 1 : 0,
  );
  const sums = tf.matMul(rows, tf.tensor2d(after, [fields, fields]));
  return tf.sum(tf.reshape(tf.mul(rows, sums), [batch, width]), 1, true);
}
