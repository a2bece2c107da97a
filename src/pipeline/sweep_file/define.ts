import type { ExtendingPipeline, Pipeline } from "../generated/pipeline_types.ts";

/**
 * Values by the paths into the base that they are put at: a list, or a map from names to values.
 */
export interface SweepGrid {
  /** The values at a path. */
  readonly [path: string]:
    | readonly (number | boolean | string)[]
    | { readonly [name: string]: unknown };
}

/** What a setting changes of the base. */
export interface SweepSetting extends Omit<ExtendingPipeline, "extends" | "$schema"> {
  /** Files with parts of this setting. */
  readonly extends?: string | readonly string[];
  /** Values to run this setting with; several paths give all combinations. */
  readonly grid?: SweepGrid;
  /** A value at a path. */
  readonly [path: `${string}.${string}`]: unknown;
}

/** A sweep, as a sweep file writes it. */
export interface SweepFile {
  /** The name of the sweep's folder; the file's by default. */
  readonly name?: string;
  /** A pipeline file, or a pipeline. */
  readonly base: string | Pipeline;
  /** The seeds; each setting runs with each of them. */
  readonly seeds: readonly number[];
  /** What each setting changes of the base, by its name. */
  readonly settings: { readonly [name: string]: SweepSetting };
  /** Values to run all settings with; several paths give all combinations. */
  readonly grid?: SweepGrid;
  /** The setting that the others are compared with; the first by default. */
  readonly reference?: string;
  /** The metric to compare on, such as `light/accuracy`; the light net's first by default. */
  readonly metric?: string;
  /** The split to compare on; `test` by default. */
  readonly split?: "test" | "validation";
  /** Threads of a run; 1 by default. */
  readonly threads?: number;
  /** The rows of a call by which latency is measured, 1 by default; or none. */
  readonly latency?: "none" | { readonly batch?: number };
}

/**
 * A sweep in TypeScript, typed down to the options of each built-in stage. A file that exports it
 * by default is a sweep file.
 *
 * @param sweep The sweep, as a sweep file writes it.
 * @returns The same.
 *
 * @example
 * ```ts
 * import { defineSweep, type SweepFile } from "@rocket-launching/rocket";
 *
 * const sweep: SweepFile = defineSweep({
 *   base: "pipelines/quickstart.yaml",
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
