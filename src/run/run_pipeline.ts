import { UserError } from "../base/errors.ts";
import type { Pipeline } from "../pipeline/define.ts";
import type { Result } from "../stages/events.ts";
import { namingPermissions } from "./missing_permission.ts";
import { readPlan } from "./read_plan.ts";
import { type RunOptions, runPlan } from "./run.ts";

/** The options of {@linkcode runPipeline}, such as the run folder and changes to the pipeline. */
export interface RunPipelineOptions extends RunOptions {
  /** The run folder. It is created, and must not contain a run yet. */
  readonly out: string;
  /** Changes to the pipeline in the form `PATH=VALUE`, such as `train.epochs=3`. */
  readonly set?: readonly string[];
  /**
   * Code outside the project's folder that the pipeline may load, such as `npm:their-stage@1`.
   */
  readonly allowPlugins?: readonly string[];
}

/**
 * Trains the nets of a pipeline and writes a run folder, like `deno task pipeline FILE`, but prints
 * less.
 *
 * @param pipeline A pipeline file, or a pipeline from `definePipeline()`, whose relative paths
 *   start from the current folder.
 * @param options The run folder, the engine, and listeners.
 * @returns The result, as in `result.json` of the run folder.
 * @throws {UserError} If the pipeline is wrong, or data, numbers, the disk or a stage fail; or if
 *   the program lacks a permission, which the hint names.
 *
 * @example
 * ```ts
 * import { runPipeline } from "@rocket-launching/rocket";
 * import { assert } from "@std/assert";
 *
 * const result = await runPipeline("pipelines/digits.yaml", {
 *   out: await Deno.makeTempDir(),
 *   engine: "wasm",
 *   quiet: true,
 *   set: ["train={ epochs: 1, batch: 256, baseline: none }", "network={ use: mlp, light: [8] }"],
 * });
 * const { accuracy } = result.test.light!;
 * assert(typeof accuracy === "number" && accuracy > 0.1);
 * ```
 */
export async function runPipeline(
  pipeline: string | Pipeline,
  { set, allowPlugins, ...options }: RunPipelineOptions,
): Promise<Result> {
  if (options.out === "") throw new UserError("`out` is empty: name the run folder");
  return await namingPermissions(async () =>
    await runPlan(await readPlan(pipeline, set, allowPlugins), options)
  );
}
