import { removeRunDrafts } from "../base/files/run_drafts.ts";
import type { Plan } from "../pipeline/plan.ts";
import { makePlan } from "../pipeline/plan/make_plan.ts";
import { createRegistry } from "../pipeline/registry.ts";
import { builtins } from "../../plugins/mod.ts";
import type { Result } from "../stages/events.ts";
import { readResult } from "./folder/manifest.ts";
import { readRun, type ReadRunOptions } from "./folder/read_run.ts";
import { namingPermissions } from "./missing_permission.ts";
import { isFinished } from "./resume_checks.ts";
import { type RunOptions, runPlan } from "./run.ts";

/**
 * The options of {@linkcode resumeRun}. By default, the engine and the precision are those of the
 * run.
 */
export interface ResumeRunOptions extends RunOptions {
  /**
   * Changes to the pipeline in the form `PATH=VALUE`, such as `train.epochs=20`; a run can only
   * become longer.
   */
  readonly set?: readonly string[];
  /**
   * Code outside the project's folder that the pipeline may load, such as `npm:their-stage@1`.
   */
  readonly allowPlugins?: readonly string[];
  /**
   * The environment variables that may be part of an address from which the run reads data; none by
   * default.
   */
  readonly allowEnv?: readonly string[];
}

/** The plan of a run that can be resumed, read from its run folder. */
export interface ResumablePlan {
  /** The run's plan, changes included. */
  readonly plan: Plan;
  /** The run's result, if the run is complete. */
  readonly result: Result | undefined;
}

/**
 * Reads the run in a folder, and removes partly written files that a killed process left behind.
 *
 * @param out The run folder.
 * @param options Changes to the pipeline, and the code that may be loaded.
 * @throws {UserError} If the folder contains no run, or a change is wrong; exit code 2.
 */
export async function readResumablePlan(
  out: string,
  options: ReadRunOptions,
): Promise<ResumablePlan> {
  const { allowed, document } = await readRun(out, options);
  removeRunDrafts(out);
  const plan = await makePlan(document, createRegistry(builtins, allowed));
  const result = await readResult(out);
  return { plan, result: result && isFinished(result, plan) ? result : undefined };
}

/**
 * Continues a run from its newest intact checkpoint, like `deno task pipeline resume DIR`, but
 * prints less. A run that is complete is not run again.
 *
 * @param out The run folder.
 * @param options Changes to the pipeline, the engine, and listeners.
 * @returns The result, as in `result.json` of the run folder.
 * @throws {UserError} If the folder contains no run, its data has changed, or data, numbers, the
 *   disk or a stage fail; or if the program lacks a permission, which the hint names.
 * @throws {Interruption} If `signal` is aborted; the run folder then contains a checkpoint.
 *
 * @example
 * ```ts
 * import { resumeRun, runPipeline } from "@rocket-launching/rocket";
 * import { assertEquals } from "@std/assert";
 *
 * const out = `${await Deno.makeTempDir()}/run`;
 * await runPipeline("pipelines/digits.yaml", {
 *   ...{ out, engine: "wasm", quiet: true },
 *   set: ["train={ epochs: 1, batch: 256, baseline: none }", "network={ use: mlp, light: [8] }"],
 * });
 *
 * // One more epoch.
 * const result = await resumeRun(out, { quiet: true, set: ["train.epochs=2"] });
 * assertEquals(result.epochs, 2);
 * ```
 */
export async function resumeRun(
  out: string,
  { set, allowPlugins, allowEnv, ...options }: ResumeRunOptions = {},
): Promise<Result> {
  return await namingPermissions(async () => {
    const { plan, result } = await readResumablePlan(out, {
      ...(set && { set }),
      ...(allowPlugins && { allowPlugins }),
      ...(allowEnv && { allowEnv }),
    });
    return result ?? await runPlan(plan, { ...options, out, resume: true });
  });
}
