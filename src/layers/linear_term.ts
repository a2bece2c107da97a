import type { ColumnSpec } from "../stages/batch.ts";
import type { VariableRegistry } from "../stages/network.ts";
import { tf } from "../stages/tf.ts";
import {
  type EmbeddedFeatures,
  embedFeatures,
  type Owned,
  type PoolingOptions,
} from "./embed_features.ts";

/**
 * Creates the first-order term of a factorization machine, ⟨w, x⟩: the sum of one weight for each
 * id, and of each number multiplied by a weight. The weights of a list's ids are pooled by mean or
 * by sum; attention counts as mean.
 *
 * @param variables Declares the weights.
 * @param features The features after the transforms.
 * @param options The options of single features, by name.
 * @param whose The owner of the weights, and the prefix of their names.
 * @returns A function that computes the term, `[batch, 1]`.
 */
export function linearTerm(
  variables: VariableRegistry,
  features: Readonly<Record<string, ColumnSpec>>,
  options: Readonly<Record<string, PoolingOptions>>,
  { owner, prefix = "", shard }: Owned,
): EmbeddedFeatures["compute"] {
  const pooled = Object.fromEntries(
    Object.entries(options).map(([name, { pooling }]) => [name, { pooling }]),
  );
  const { compute } = embedFeatures(
    variables,
    features,
    { embedding: 1, features: pooled, numbers: "factors" },
    { owner, prefix: `${prefix}linear/`, shard },
  );
  return (values, scope) => tf.sum(compute(values, scope), 1, true);
}
