/**
 * Checks all runs of a sweep before the first one starts.
 *
 * @module
 */

import { join } from "node:path";
import type { AllowedCode } from "../pipeline/allowed_code.ts";
import { type DeviceChoice, type Engine, engineLine, openEngine } from "../engine/engine.ts";
import { formatPlace, type Problem, UserError, warningLines } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Plan } from "../pipeline/plan.ts";
import { makePlan } from "../pipeline/plan/make_plan.ts";
import { createRegistry } from "../pipeline/registry.ts";
import { builtins } from "../../plugins/mod.ts";
import type { EarlierRun } from "../run/folder/manifest.ts";
import { refuseOtherData } from "../run/resume_checks.ts";
import { keysOf } from "../run/selection.ts";
import { tryFirstBatch } from "../run/first_batch.ts";
import { readInitial } from "../run/initial.ts";
import { prepareData, type PreparedData } from "../input/prepare_data.ts";
import { prepareJobs } from "../run/run.ts";
import { warningsOf } from "../run/warnings/warnings.ts";
import { teachersOfRuns } from "../run/teachers.ts";
import { type Asked, type KeptRun, keptRun, type RunState } from "./kept.ts";
import type { Setting, Sweep, SweepRun } from "../pipeline/sweep_file/read.ts";
import type { LatencyOptions } from "../pipeline/sweep_file/schema.ts";
import { loadOnnxRuntime } from "../run/model/onnx_runtime.ts";

/** A run of a sweep whose pipeline, data, and run folder have been checked. */
export interface CheckedRun {
  /** The setting's key. */
  readonly setting: string;
  /** The seed. */
  readonly seed: number;
  /** Its run folder. */
  readonly folder: string;
  /** Whether the run is new, interrupted, or finished. */
  readonly state: RunState;
}

/** A sweep that has been checked, as plain JSON. */
export interface CheckedSweep {
  /** Its name. */
  readonly name: string;
  /** Its folder. */
  readonly out: string;
  /** The settings. */
  readonly settings: readonly Setting[];
  /** The seeds. */
  readonly seeds: readonly number[];
  /** The runs, in the order to start them in. */
  readonly runs: readonly CheckedRun[];
  /** The metric to compare; undefined if the pipelines have no metrics. */
  readonly metric: string | undefined;
  /** The split to compare on. */
  readonly split: "test" | "validation";
  /** The number of threads of each run. */
  readonly threads: number;
  /** How to measure latency; undefined to skip the measurement. */
  readonly latency: LatencyOptions | undefined;
}

/** The options of running a sweep that are not in its file. */
export interface SweepOptions extends Asked {
  readonly engine: "auto" | "native" | "wasm" | undefined;
  readonly device?: DeviceChoice | undefined;
  /** The code that pipelines may load. */
  readonly allowed: AllowedCode;
  /** The sweep's folder; `runs/NAME` by default. */
  readonly out: string | undefined;
}

/**
 * Returns the sweep's folder.
 *
 * @param sweep The sweep.
 * @param options The folder that the user chose, if any.
 */
export function folderOf({ name }: Sweep, { out }: Pick<SweepOptions, "out">): string {
  return out ?? join("runs", name);
}

/**
 * Returns the name of a run, which is also the path of its folder within the sweep's folder.
 *
 * @param run The run.
 */
export function nameOf({ setting, seed }: Pick<SweepRun, "setting" | "seed">): string {
  return `${setting}/seed-${seed}`;
}

/**
 * Makes the plan of a run of a sweep: checks its pipeline and loads its stages.
 *
 * @param run The run.
 * @param allowed The code that its pipeline may load.
 * @throws {UserError} With all problems of the pipeline.
 */
export async function planOf(run: SweepRun, allowed: AllowedCode): Promise<Plan> {
  return await makePlan(run.document(), createRegistry(builtins, allowed));
}

/**
 * Checks all runs of a sweep: their plans, data, nets, first batches, and existing run folders.
 *
 * @param sweep The sweep.
 * @param options The engine, the sweep's folder, and the code that pipelines may load.
 * @param report Prints a line for the user.
 * @throws {UserError} With the problems of all runs.
 */
export async function checkSweep(
  sweep: Sweep,
  options: SweepOptions,
  report: (line: string) => void,
): Promise<CheckedSweep> {
  const problems = new SweepProblems(sweep);
  const plans = new Map<SweepRun, Plan>();
  for (const run of sweep.runs) {
    await problems.collect(
      run.setting,
      async () => void plans.set(run, await planOf(run, options.allowed)),
    );
  }
  problems.throwAny();
  const metric = comparedMetric(sweep, [...plans.values()]);
  const out = folderOf(sweep, options);
  const kept = new Map<SweepRun, KeptRun>();
  for (const [run, plan] of plans) {
    const folder = join(out, nameOf(run));
    await problems.collect(
      run.setting,
      async () => void kept.set(run, await keptRun(folder, plan, options)),
    );
  }
  problems.throwAny();
  const { split, threads, latency } = sweep.value;
  // Without this, a sweep would only find out after its last run that ONNX Runtime is missing.
  if (latency !== "none" && latency.engine === "onnx") await loadOnnxRuntime();
  const { device, deterministic, xla } = options, how = { device, deterministic, xla };
  const engine = await openEngine(options.engine ?? "auto", report, how);
  report(engineLine(engine, how));
  const warnings = new SweepProblems(sweep);
  for (const { key } of sweep.settings) {
    const runs = [...plans].filter(([{ setting }]) => setting === key);
    await problems.collect(key, async () => {
      for (const warning of await tryRuns(runs, kept, engine)) warnings.add(key, warning);
    });
  }
  problems.throwAny();
  for (const warning of warnings.all) warningLines(warning).forEach(report);
  return {
    name: sweep.name,
    out,
    settings: sweep.settings,
    seeds: sweep.seeds,
    runs: sweep.runs.map((run) => ({
      setting: run.setting,
      seed: run.seed,
      folder: join(out, nameOf(run)),
      state: kept.get(run)!.state,
    })),
    metric,
    split,
    threads,
    latency: latency === "none" ? undefined : latency,
  };
}

/**
 * Opens the data of a setting, builds its nets, and tries a batch, unless all its runs are
 * finished. Returns the warnings of its runs.
 */
async function tryRuns(
  runs: readonly (readonly [SweepRun, Plan])[],
  kept: ReadonlyMap<SweepRun, KeptRun>,
  engine: Engine,
): Promise<Problem[]> {
  const [, first] = runs[0]!;
  const compute = teachersOfRuns(first, {
    engine: () => Promise.resolve(engine),
    listener: { report: () => {}, debug: false },
  });
  const data: PreparedData = await prepareData(first, undefined, compute);
  try {
    for (const [run, plan] of runs) {
      const { earlier } = kept.get(run)!;
      if (!earlier) continue;
      if (!drawsRows(plan) || plan.seed === first.seed) refuseOtherData(earlier, data, plan);
      else await refuseOtherRows(earlier, plan);
    }
    if (runs.every(([run]) => kept.get(run)!.state === "finished")) return [];
    const { rocket: { phases }, alone } = await prepareJobs(first, data);
    const warnings = await warningsOf(data);
    const warn = (warning: Problem) => void warnings.push(warning);
    const given = await readInitial(first, phases[0]!.nets, undefined, warn);
    if (alone) await readInitial(first, alone.phases[0]!.nets);
    for (const phase of phases) {
      (await tryFirstBatch(first, data, phase, given)).warnings.forEach(warn);
    }
    return [...new Map(warnings.map((warning) => [warning.message, warning])).values()];
  } finally {
    await data.close();
  }
}

/** Whether the seed of a run determines which rows it has. */
const drawsRows = ({ split, rows, sampling }: Plan) =>
  split !== undefined || rows !== undefined || sampling !== undefined;

/** Refuses a run folder whose rows are not those that its plan draws from the data. */
async function refuseOtherRows(earlier: EarlierRun, plan: Plan): Promise<void> {
  const data = await prepareData(plan);
  try {
    refuseOtherData(earlier, data, plan);
  } finally {
    await data.close();
  }
}

/** Returns the keys of a metric; those of its values begin with them if it has several. */
const anyKeysOf = ({ name, stage: { per } }: Plan["metrics"][number]) =>
  keysOf({ name, per, values: "one" }, ["light", "booster"]);

/** Determines the metric to compare, and checks that all settings measure it. */
function comparedMetric(sweep: Sweep, plans: readonly Plan[]): string | undefined {
  const { value: { metric: wanted, split }, document } = sweep;
  const [first] = plans as [Plan, ...Plan[]];
  const name = first.metrics.find(({ stage }) => stage.per === "net" && stage.values === "one")
    ?.name;
  const metric = wanted ?? (name && `light/${name}`);
  const lacking = metric === undefined
    ? undefined
    : plans.find((plan) =>
      !plan.metrics.some((one) =>
        anyKeysOf(one).some((key) =>
          one.stage.values === "one" ? metric === key : metric.startsWith(`${key}/`)
        )
      )
    );
  const several = lacking?.metrics.find((one) =>
    one.stage.values === "several" && anyKeysOf(one).some((key) => key === metric)
  );
  if (several) {
    throw new UserError(`the sweep compares ${metric}, which has several values`, {
      place: document.place(["metric"]),
      hint: hint(
        "sweep/value",
        `write ${metric}/NAME with the name of one of them; result.json of a run contains the names`,
        { edit: "the sweep" },
      ),
      exitCode: 2,
    });
  }
  if (lacking) {
    const keys = lacking.metrics.filter(({ stage }) => stage.values === "one").flatMap(anyKeysOf);
    throw new UserError(`the sweep compares ${metric}, which not all settings measure`, {
      place: document.place(["metric"]),
      hint: keys.length > 0
        ? hint("sweep/metric", `compare another metric: ${keys.join(", ")}`, {
          set: { "/metric": keys[0] },
        })
        : hint("sweep/metrics", "add the metric to `metrics:` of the base", { edit: "the base" }),
      exitCode: 2,
    });
  }
  if (split === "validation" && !plans.every(hasValidation)) {
    throw new UserError(
      "`split: validation` requires a validation split, but the base pipeline has none",
      {
        place: document.place(["split"]),
        hint: hint(
          "sweep/validation",
          "add data.validation to the base, or `validation: 0.1` in data.split",
          {
            edit: "the base",
          },
        ),
        exitCode: 2,
      },
    );
  }
  return metric;
}

const hasValidation = ({ sources, split }: Plan) =>
  sources.validation !== undefined || split?.validation !== undefined;

/** Collects the problems of all runs. Each problem occurs once, with the settings that have it. */
class SweepProblems {
  readonly #settings: readonly string[];
  readonly #found = new Map<string, { problem: Problem; settings: Set<string> }>();
  #exitCode: 1 | 2 = 1;

  constructor({ settings }: Sweep) {
    this.#settings = settings.map(({ key }) => key);
  }

  async collect(setting: string, body: () => Promise<void>): Promise<void> {
    try {
      await body();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (error.exitCode === 2) this.#exitCode = 2;
      for (const problem of error.problems) this.add(setting, problem);
    }
  }

  add(setting: string, problem: Problem): void {
    const text = `${problem.message} ${problem.place ? formatPlace(problem.place) : ""}`;
    const same = this.#found.get(text) ?? { problem, settings: new Set() };
    this.#found.set(text, { ...same, settings: same.settings.add(setting) });
  }

  get all(): Problem[] {
    return [...this.#found.values()].map(({ problem, settings }) =>
      settings.size === this.#settings.length
        ? problem
        : { ...problem, message: `${problem.message} (setting ${[...settings].join(", ")})` }
    );
  }

  throwAny(): void {
    if (this.#found.size > 0) throw new UserError(this.all, { exitCode: this.#exitCode });
  }
}
