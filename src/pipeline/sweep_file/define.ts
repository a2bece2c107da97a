import type { ExtendingPipeline, Pipeline } from "../generated/pipeline_types.ts";

/**
 * The values to try at paths in the pipeline. The values of a path are a list, or a map from names
 * to values.
 */
export interface SweepGrid {
  /** The values for the pipeline's option at this path, such as `losses.2.weight`. */
  readonly [path: string]:
    | readonly (number | boolean | string)[]
    | { readonly [name: string]: unknown };
}

/** A setting of a sweep: the changes to the base pipeline, and optionally a grid of values. */
export interface SweepSetting extends Omit<ExtendingPipeline, "extends" | "$schema"> {
  /** Files that provide the values that this setting does not set. */
  readonly extends?: string | readonly string[];
  /** The values to run this setting with; several paths give all combinations. */
  readonly grid?: SweepGrid;
  /** The value to set at a path, such as `losses.2.gradient`. */
  readonly [path: `${string}.${string}`]: unknown;
}

/** A sweep in the form of a sweep file. */
export interface SweepFile {
  /** The name of the sweep's folder; the file's name by default. */
  readonly name?: string;
  /** The pipeline that all settings modify, or the path of its file. */
  readonly base: string | Pipeline;
  /** The seeds; each setting runs with each of them. */
  readonly seeds: readonly number[];
  /** The settings to compare, by name: the changes that each makes to the base pipeline. */
  readonly settings: { readonly [name: string]: SweepSetting };
  /** The values to run all settings with; several paths give all combinations. */
  readonly grid?: SweepGrid;
  /** The setting that the others are compared with; the first setting by default. */
  readonly reference?: string;
  /**
   * The setting that trains a net of the booster's size alone. The table then contains the transfer
   * of each setting.
   */
  readonly booster?: string;
  /** The metric to compare, such as `light/accuracy`; the light net's first metric by default. */
  readonly metric?: string;
  /** The split to compare on; `test` by default. */
  readonly split?: "test" | "validation";
  /** The number of threads of each run; 1 by default. */
  readonly threads?: number;
  /** How to measure the latency of the light nets; or `none` to skip this. */
  readonly latency?: "none" | {
    /** The number of rows per call; 1 by default. */
    readonly batch?: number;
    /**
     * What computes the light nets: `onnx` is ONNX Runtime; `auto` (the default) is ONNX Runtime if
     * it has been downloaded already, and otherwise the engine of the runs.
     */
    readonly engine?: "auto" | "onnx";
  };
}

/**
 * Defines a sweep in TypeScript, with types for the options of each built-in stage. A file with the
 * sweep as its default export is a sweep file.
 *
 * @param sweep The sweep in the form of a sweep file.
 * @returns The same sweep.
 *
 * @example
 * ```ts
 * import { defineSweep, type SweepFile } from "@rocket-launching/rocket";
 *
 * const sweep: SweepFile = defineSweep({
 *   base: "pipelines/digits.yaml",
 *   seeds: [1, 2, 3],
 *   settings: {
 *     basic: { losses: [{ use: "cross-entropy", on: "light" }] },
 *     rocket: { grid: { "losses.2.weight": [0.01, 0.1] } },
 *     "no-block": { "losses.2.gradient": "none" },
 *   },
 *   reference: "basic",
 * });
 * ```
 */
export function defineSweep(sweep: SweepFile): SweepFile {
  return sweep;
}
