import type { Pipeline } from "../pipeline/define.ts";
import type { Result } from "../stages/events.ts";
import { namingPermissions } from "./missing_permission.ts";
import { readPlan } from "./read_plan.ts";
import { type RunOptions, runPlan } from "./run.ts";

/** How {@linkcode runPipeline} runs, beside what the pipeline says. */
export interface RunPipelineOptions extends RunOptions {
  /** The run folder; it is made, and may not hold a run yet. */
  readonly out: string;
  /** Changes of the pipeline as `PATH=VALUE`, such as `train.epochs=3`. */
  readonly set?: readonly string[];
  /**
   * Code outside of the project's folder that the pipeline may name, such as `npm:their-stage@1`.
   */
  readonly allowPlugins?: readonly string[];
}

/**
 * Trains what a pipeline says, from a program: what `deno task pipeline FILE` does, without its
 * text.
 *
 * @param pipeline A pipeline file, or a pipeline from `definePipeline()`, whose relative paths
 *   start from the current folder.
 * @param options The run folder, the engine, who listens.
 * @returns What came out; `result.json` in the run folder holds the same.
 * @throws {UserError} If the pipeline is wrong, or data, numbers, the disk or a stage fail; or the
 *   program lacks a permission, which the hint names.
 *
 * @example
 * ```ts
 * import { runPipeline } from "@rocket-launching/rocket";
 * import { assert } from "@std/assert";
 *
 * const result = await runPipeline("pipelines/quickstart.yaml", {
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
  return await namingPermissions(async () =>
    await runPlan(await readPlan(pipeline, set, allowPlugins), options)
  );
}
