import type { Pipeline } from "./generated/pipeline_types.ts";

export type * from "./generated/pipeline_types.ts";

/**
 * Defines a pipeline in TypeScript, with types for the options of each built-in stage. A file with
 * the pipeline as its default export is a pipeline file. The value of `use` may be a stage object
 * instead of a built-in name, a path, or a package.
 *
 * @param pipeline The pipeline, as a pipeline file writes it.
 * @returns The same pipeline.
 *
 * @example
 * ```ts
 * import { definePipeline, type Pipeline } from "@rocket-launching/rocket";
 *
 * const pipeline: Pipeline = definePipeline({
 *   name: "digits-rocket",
 *   seed: 1,
 *   data: {
 *     train: { use: "arrow", path: "data/digits-train.arrow" },
 *     test: { use: "arrow", path: "data/digits-test.arrow" },
 *     features: { image: { shape: [8, 8, 1] } },
 *     label: "digit",
 *     transforms: [{ use: "scale", by: 1 / 16 }],
 *   },
 *   network: { use: "mlp", shared: [32], light: [16], booster: [128, 64] },
 *   losses: [
 *     { use: "cross-entropy", on: "light" },
 *     { use: "cross-entropy", on: "booster" },
 *     { use: "mse-hint", weight: 0.03 },
 *   ],
 *   optimizer: { use: "adam", learningRate: 1e-3 },
 *   train: { epochs: 5, batch: 64 },
 *   metrics: ["accuracy"],
 * });
 * ```
 */
export function definePipeline(pipeline: Pipeline): Pipeline {
  return pipeline;
}
