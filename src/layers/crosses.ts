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
 * factorization machine (Rendle, 2010, equation 5, in linear time by lemma 3.1):
 *
 * Σᵢ Σⱼ₍ⱼ﹥ᵢ₎ ⟨vᵢ, vⱼ⟩ = ½ Σₖ ((Σᵢ vᵢₖ)² − Σᵢ vᵢₖ²)
 *
 * @param x The vectors of all fields, concatenated, `[batch, fields · size]`.
 * @param fields The number of fields.
 * @returns The sums, `[batch, 1]`.
 */
export function pairProducts(x: tf.Tensor, fields: number): tf.Tensor {
  const vectors = tf.reshape(x, [x.shape[0]!, fields, x.shape[1]! / fields]);
  const all = tf.square(tf.sum(vectors, 1)), own = tf.sum(tf.square(vectors), 1);
  return tf.mul(tf.sum(tf.sub(all, own), 1, true), 0.5);
}
