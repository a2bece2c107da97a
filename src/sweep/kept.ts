import { dirname, join } from "node:path";
import { runFiles } from "../base/files/run_files.ts";
import { type Problem, UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Plan } from "../pipeline/plan.ts";
import { differences } from "../run/folder/differences.ts";
import { type EarlierRun, readEarlierRun, readResult } from "../run/folder/manifest.ts";
import { changedVariables, isFinished } from "../run/resume_checks.ts";

/** Whether a run of a sweep has not started, was interrupted, or has finished. */
export type RunState = "new" | "interrupted" | "finished";

/** The state of a run of a sweep, as found in its folder. */
export interface KeptRun {
  /** The state of the run. */
  readonly state: RunState;
  /** The earlier run in the folder, if there is one. */
  readonly earlier?: EarlierRun;
}

/** The command-line options of a run that affect its results. */
export interface Asked {
  readonly engine: string | undefined;
  readonly device?: string | undefined;
  readonly deterministic?: boolean | undefined;
  /** Whether XLA compiles training steps. */
  readonly xla?: boolean | undefined;
  readonly precision: string | undefined;
}

/**
 * Determines from a run folder whether a run of a sweep has finished, was interrupted, or has not
 * started.
 *
 * @param folder The run folder.
 * @param plan The run's plan.
 * @param asked The engine, the device, and the precision, if the user chose them.
 * @throws {UserError} If the folder contains a run of another pipeline; exit code 2.
 */
export async function keptRun(folder: string, plan: Plan, asked: Asked): Promise<KeptRun> {
  if (!await exists(join(folder, runFiles.pipeline))) return { state: "new" };
  const earlier = await readEarlierRun(folder);
  refuseOtherRun(folder, earlier, plan, asked);
  const result = await readResult(folder);
  // The pipeline is the same, so a run that ended early would end early again.
  const finished = result && (isFinished(result, plan) || result.stopped);
  return { state: finished ? "finished" : "interrupted", earlier };
}

function refuseOtherRun(folder: string, earlier: EarlierRun, plan: Plan, asked: Asked): void {
  const changes = differences([comparable(earlier.pipeline), comparable(plan.resolved)]);
  const { engine, device = "cpu", deterministic = false, xla = false, precision } = earlier;
  const used = { engine, device, deterministic, xla, precision };
  for (const name of ["engine", "device", "deterministic", "xla", "precision"] as const) {
    const wanted = asked[name];
    const isFree = wanted === undefined || wanted === false || wanted === "auto";
    if (isFree || wanted === used[name]) continue;
    changes.push({ path: [name], values: [used[name], wanted] });
  }
  const texts = [
    ...changes.map(({ path, values: [before, now] }) =>
      `${path.join(".")} was ${shown(before)} and is now ${shown(now)}`
    ),
    ...changedVariables(earlier, plan).map((name) =>
      `the environment variable ${name} has another value`
    ),
  ];
  const [first] = texts;
  if (first === undefined) return;
  const more = texts.length > 1 ? `, and ${texts.length - 1} more` : "";
  const problem: Problem = {
    message: `${dirname(folder)} contains runs of a different pipeline: ${first}${more}`,
    place: plan.document.place(changes[0]?.path ?? []),
    hint: hint(
      "sweep/kept",
      "choose another folder for the sweep with --out, or remove this folder to run the sweep again",
      { args: { add: ["--out", "another"] } },
    ),
  };
  throw new UserError([problem], { exitCode: 2 });
}

/** Removes the outputs from a pipeline, since they do not affect its results. */
function comparable(pipeline: Readonly<Record<string, unknown>>): unknown {
  const { outputs: _, ...rest } = pipeline;
  return JSON.parse(JSON.stringify(rest));
}

function shown(value: unknown): string {
  const text = value === undefined ? "not set" : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
