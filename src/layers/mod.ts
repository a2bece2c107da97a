/**
 * Parts of networks: layers, towers of layers, embeddings of features with pooling and attention,
 * and crosses of features. Each function declares the variables of a part once and returns a
 * function that computes the part. The built-in networks are made of these parts.
 *
 * @module
 */

export {
  type Activation,
  activation,
  type ActivationName,
  activationNames,
} from "./activations.ts";
export { type CrossLayer, crossLayer, pairProducts } from "./crosses.ts";
export {
  type AttentionOptions,
  type EmbeddedFeatures,
  type EmbeddingOptions,
  embedFeatures,
  type FeatureOptions,
  featureOptions,
  type Owned,
  type PoolingOptions,
  poolingOptions,
  type Units,
} from "./embed_features.ts";
export {
  batchNormalization,
  convolution,
  dense,
  type DenseOptions,
  type Layer,
  type LayerAxes,
  type ReadingLayer,
} from "./layers.ts";
export { linearTerm } from "./linear_term.ts";
export { type Tower, tower, type TowerOptions } from "./tower.ts";
