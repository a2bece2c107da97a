/**
 * Options that the networks for click prediction have in common.
 *
 * @module
 */

import { layers, z } from "../../plugin.ts";

/**
 * The option with the widths of hidden layers.
 *
 * @param what The layers.
 */
export const widths = (what: string) =>
  z.array(z.int().positive()).default([]).describe(
    `The widths (numbers of units) of ${what}, one per layer, starting at the input.`,
  );

/**
 * The option with the hidden layers of a net.
 *
 * @param what The net.
 */
export const netWidths = (what: string) =>
  z.strictObject({ hidden: widths(`the ${what}'s own hidden layers`) }).default({ hidden: [] })
    .describe(`The layers that only the ${what} has.`);

/**
 * The option with the parts that both nets share: all parts below their own layers, or none.
 *
 * @param what The parts.
 */
export const sharing = (what: string) =>
  z.enum(["bottom", "separate"]).default("bottom").describe(
    `The parts that both nets share. bottom: ${what}. separate: each net has its own, for a ` +
      "booster that was trained beforehand.",
  );

const embedding = z.int().positive().default(16).describe("The number of values per embedding.");

const shard = z.boolean().default(false).describe(
  "Whether the processes of a distributed run deal the rows of the embedding tables among " +
    "themselves, for tables larger than the memory of one process.",
);

/** The options for embeddings: their size, and how single features are read. */
export const embeddings = {
  embedding,
  shard,
  features: z.record(z.string(), layers.featureOptions).default({}).describe(
    "How to read individual features, by name. All other features are read with the " +
      "defaults.",
  ),
};

/** The same options as {@linkcode embeddings}, for networks whose embeddings all have one size. */
export const pooledFeatures = {
  embedding,
  shard,
  features: z.record(z.string(), layers.poolingOptions).default({}).describe(
    "How to read individual features, by name. All other features are read with the defaults.",
  ),
};

/** The options of all hidden layers. */
export const hiddenLayers = {
  activation: z.enum(layers.activationNames).default("relu").describe(
    "The activation after each hidden layer: relu, prelu, or dice.",
  ),
  batchNorm: z.boolean().default(false).describe(
    "Whether to apply batch norm to hidden layers before their activation. These layers have no bias.",
  ),
  synchronizedBatchNorm: z.boolean().default(false).describe(
    "In a run on several processes, whether batch norm and dice use the statistics of the rows of " +
      "all processes instead of those of each process. It cannot be used with `train.accumulate`.",
  ),
  dropout: z.number().min(0).lt(1).default(0).describe(
    "The fraction of each hidden layer's units to drop during training.",
  ),
};

/** Whether a network with these options has a part that normalizes by the statistics of a batch. */
export const normalizes = (
  { batchNorm, activation, features }: {
    readonly batchNorm: boolean;
    readonly activation: layers.ActivationName;
    readonly features: Readonly<Record<string, layers.PoolingOptions>>;
  },
): boolean =>
  batchNorm || activation === "dice" ||
  Object.values(features).some(({ attention }) => attention?.activation === "dice");

/** The outputs of hidden layers by name: `hidden1`, `hidden2`, … */
export const named = <T>(name: string, outputs: readonly T[]): Record<string, T> =>
  Object.fromEntries(outputs.map((output, index) => [`${name}${index + 1}`, output]));
