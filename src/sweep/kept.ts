import { dirname, join } from "node:path";
import { type Problem, UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Plan } from "../pipeline/plan.ts";
import { type EarlierRun, readEarlierRun, readResult } from "../run/folder/manifest.ts";
import { changedVariables, isFinished } from "../run/resume_checks.ts";

/** How far a run of a sweep has come. */
export type RunState = "new" | "interrupted" | "finished";

/** What a run folder holds. */
export interface KeptRun {
  /** How far it has come. */
  readonly state: RunState;
  /** What it says of its run, if there is one. */
  readonly earlier?: EarlierRun;
}

/** How a run was asked for, beside its pipeline. */
export interface Asked {
  readonly engine: string | undefined;
  readonly precision: string | undefined;
}

/**
 * Looks for what is there of a run already.
 *
 * @param folder The run folder.
 * @param plan The run's plan.
 * @param asked The engine and the precision, if they were said.
 * @throws {UserError} If the folder holds another run; exit code 2.
 */
export async function keptRun(folder: string, plan: Plan, asked: Asked): Promise<KeptRun> {
  if (!await exists(join(folder, "pipeline.json"))) return { state: "new" };
  const earlier = await readEarlierRun(folder);
  refuseOtherRun(folder, earlier, plan, asked);
  const result = await readResult(folder);
  // The pipeline is the same, so that a run which ended early would again.
  const finished = result && (isFinished(result, plan) || result.stopped);
  return { state: finished ? "finished" : "interrupted", earlier };
}

function refuseOtherRun(folder: string, earlier: EarlierRun, plan: Plan, asked: Asked): void {
  const changes = differences(comparable(earlier.pipeline), comparable(plan.resolved));
  for (const name of ["engine", "precision"] as const) {
    const wanted = asked[name];
    if (wanted === undefined || wanted === "auto" || wanted === earlier[name]) continue;
    changes.push({ path: [name], before: earlier[name], now: wanted });
  }
  const texts = [
    ...changes.map(({ path, before, now }) =>
      `${path.join(".")} was ${shown(before)} and is ${shown(now)}`
    ),
    ...changedVariables(earlier, plan).map((name) =>
      `the environment variable ${name} has another value`
    ),
  ];
  const [first] = texts;
  if (first === undefined) return;
  const more = texts.length > 1 ? `, and ${texts.length - 1} more` : "";
  const problem: Problem = {
    message: `${dirname(folder)} holds runs of another pipeline: ${first}${more}`,
    place: plan.document.place(changes[0]?.path ?? []),
    hint: hint(
      "sweep/kept",
      "choose another folder for the sweep with --out, or remove that one to run it anew",
      { args: { add: ["--out", "another"] } },
    ),
  };
  throw new UserError([problem], { exitCode: 2 });
}

/** Who listens does not matter for what comes out. */
function comparable(pipeline: Readonly<Record<string, unknown>>): unknown {
  const { outputs: _, ...rest } = pipeline;
  return JSON.parse(JSON.stringify(rest));
}

interface Difference {
  readonly path: readonly (string | number)[];
  readonly before: unknown;
  readonly now: unknown;
}

/** Where two values of JSON differ, as deep as both have the same form. */
function differences(
  before: unknown,
  now: unknown,
  path: readonly (string | number)[] = [],
): Difference[] {
  if (before === now) return [];
  if (!isMap(before) || !isMap(now) || Array.isArray(before) !== Array.isArray(now)) {
    return [{ path, before, now }];
  }
  const keys = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...keys].flatMap((key) =>
    differences(before[key], now[key], [...path, Array.isArray(now) ? Number(key) : key])
  );
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

function shown(value: unknown): string {
  const text = value === undefined ? "not there" : JSON.stringify(value);
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
