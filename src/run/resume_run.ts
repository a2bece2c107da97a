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
 * How {@linkcode resumeRun} goes on with a run. Engine and precision are those of the run by
 * default.
 */
export interface ResumeRunOptions extends RunOptions {
  /**
   * Changes of the pipeline as `PATH=VALUE`, such as `train.epochs=20`; a run can only become
   * longer.
   */
  readonly set?: readonly string[];
  /**
   * Code outside of the project's folder that the pipeline may name, such as `npm:their-stage@1`.
   */
  readonly allowPlugins?: readonly string[];
  /**
   * The environment variables that may be part of an address that the run reads; none by default.
   */
  readonly allowEnv?: readonly string[];
}

/** A run that a folder holds, ready to go on. */
export interface KeptPlan {
  /** Its plan, changes included. */
  readonly plan: Plan;
  /** What the run ended with, if there is nothing left to do. */
  readonly result: Result | undefined;
}

/**
 * Reads the run that a folder holds, and removes what a killed process left half written.
 *
 * @param out The run folder.
 * @param options Changes, and which code may be loaded.
 * @throws {UserError} If the folder holds no run, or a change is wrong; exit code 2.
 */
export async function readKeptPlan(out: string, options: ReadRunOptions): Promise<KeptPlan> {
  const { allowed, document } = await readRun(out, options);
  // Whatever comes of it, what a killed process left half written is of no use.
  removeRunDrafts(out);
  const plan = await makePlan(document, createRegistry(builtins, allowed));
  const result = await readResult(out);
  return { plan, result: result && isFinished(result, plan) ? result : undefined };
}

/**
 * Continues a run from its newest intact checkpoint: what `deno task pipeline resume DIR` does,
 * without its text. A run that has finished is not run again.
 *
 * @param out The run folder.
 * @param options Changes of the pipeline, the engine, who listens.
 * @returns What came out; `result.json` in the run folder holds the same.
 * @throws {UserError} If the folder holds no run, its data has changed, or data, numbers, the disk
 *   or a stage fail; or the program lacks a permission, which the hint names.
 * @throws {Interruption} If `signal` is aborted; the run folder then holds a checkpoint.
 *
 * @example
 * ```ts
 * import { resumeRun, runPipeline } from "@rocket-launching/rocket";
 * import { assertEquals } from "@std/assert";
 *
 * const out = `${await Deno.makeTempDir()}/run`;
 * await runPipeline("pipelines/quickstart.yaml", {
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
    const { plan, result } = await readKeptPlan(out, {
      ...(set && { set }),
      ...(allowPlugins && { allowPlugins }),
      ...(allowEnv && { allowEnv }),
    });
    return result ?? await runPlan(plan, { ...options, out, resume: true });
  });
}
