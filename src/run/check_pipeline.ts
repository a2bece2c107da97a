import { type Problem, UserError } from "../base/errors.ts";
import { type EngineChoice, openEngine } from "../engine/engine.ts";
import { batchCount } from "../input/order.ts";
import { prepareData, type PreparedData } from "../input/prepare_data.ts";
import type { Pipeline } from "../pipeline/define.ts";
import type { Plan } from "../pipeline/plan.ts";
import type { NetName } from "../stages/network.ts";
import type { GivenState } from "../train/variables.ts";
import { type FirstBatch, tryFirstBatch } from "./first_batch.ts";
import { readInitial } from "./initial.ts";
import type { JobPhase } from "./job.ts";
import { missingPermission, namingPermissions } from "./missing_permission.ts";
import { readPlan } from "./read_plan.ts";
import { parametersOf, prepareJobs } from "./run.ts";
import { warningsOf } from "./warnings/warnings.ts";

/** Who hears of a check while it goes on. */
export interface CheckPlanOptions {
  /** The engine; `auto` by default. */
  readonly engine?: EngineChoice | undefined;
  /** Told what a person may want to know, a line at a time. */
  readonly report: (line: string) => void;
  /** Told of what will train and not mean much; the same may be told more than once. */
  readonly warn: (warnings: readonly Problem[]) => void;
  /** Told of each phase before its first batch is tried. */
  readonly onPhase?: (phase: JobPhase) => void;
}

/** What the check of a plan found. */
export interface CheckedPlan {
  /** The rows; their files are closed. */
  readonly data: PreparedData;
  /** The nets that are trained together. */
  readonly nets: readonly NetName[];
  /** The initial weights that the pipeline names. */
  readonly given: GivenState;
  /** The phases, with what a first batch of each came to. */
  readonly phases: readonly { readonly phase: JobPhase; readonly batch: FirstBatch }[];
}

/**
 * All of a run but the training: opens the data, builds all nets, and runs one batch of each phase.
 *
 * @param plan The plan.
 * @param options The engine, and who hears of it.
 * @throws {UserError} If data or a stage fail, or do not fit.
 */
export async function checkPlan(
  plan: Plan,
  { engine: choice = "auto", report, warn, onPhase }: CheckPlanOptions,
): Promise<CheckedPlan> {
  const data = await prepareData(plan, report);
  try {
    const engine = await openEngine(choice, report);
    report(`engine: ${engine.name} (${engine.detail})`);
    // The baseline's nets are built as well: what they lack shows here and not after an hour.
    const { rocket: { nets, phases }, alone } = await prepareJobs(plan, data, report);
    warn(await warningsOf(plan, data));
    const first = phases[0]!.nets;
    const given = await readInitial(plan, first, report, (warning) => warn([warning]));
    if (alone) await readInitial(plan, alone.phases[0]!.nets);
    const tried: { readonly phase: JobPhase; readonly batch: FirstBatch }[] = [];
    for (const phase of phases) {
      onPhase?.(phase);
      const batch = await tryFirstBatch(plan, data, phase, given);
      warn(batch.warnings);
      tried.push({ phase, batch });
    }
    return { data, nets, given, phases: tried };
  } finally {
    await data.close();
  }
}

/** How {@linkcode checkPipeline} checks. */
export interface CheckPipelineOptions {
  /** Changes of the pipeline as `PATH=VALUE`, such as `train.epochs=3`. */
  readonly set?: readonly string[];
  /**
   * Code outside of the project's folder that the pipeline may name, such as `npm:their-stage@1`.
   */
  readonly allowPlugins?: readonly string[];
  /** The engine that the first batch is computed on; `auto` by default. */
  readonly engine?: EngineChoice;
  /** Told what a person may want to know, a line at a time. */
  readonly report?: (line: string) => void;
}

/** What {@linkcode checkPipeline} found. */
export interface CheckResult {
  /** What a run would be refused for, with places and hints; empty if the pipeline can run. */
  readonly problems: readonly Problem[];
  /** What would train and not mean much. */
  readonly warnings: readonly Problem[];
  /** Facts about the run; undefined if there are problems. */
  readonly run: {
    /** The pipeline's name. */
    readonly name: string;
    /** The rows of each split. */
    readonly rows: Readonly<Record<string, number>>;
    /** How many steps an epoch has. */
    readonly stepsPerEpoch: number;
    /** How many trainable numbers each net consists of. */
    readonly parameters: Readonly<Partial<Record<NetName, number>>>;
    /** The memory that the tensors of a step take, in bytes. */
    readonly stepBytes: number;
  } | undefined;
}

/**
 * Checks a pipeline without training it: what `deno task pipeline check FILE` does, without its
 * text. It reads the pipeline, opens its data, builds its nets and computes one batch. It writes
 * nothing.
 *
 * @param pipeline A pipeline file, or a pipeline from `definePipeline()`, whose relative paths
 *   start from the current folder.
 * @param options Changes of the pipeline, and the engine.
 * @returns The problems and the warnings, and facts about the run.
 * @throws {UserError} If the program lacks a permission, which the hint names.
 *
 * @example
 * ```ts
 * import { checkPipeline } from "@rocket-launching/rocket";
 * import { assertEquals } from "@std/assert";
 *
 * const file = "pipelines/quickstart.yaml", engine = "wasm";
 * const { problems, run } = await checkPipeline(file, { engine });
 * assertEquals(problems, []);
 * assertEquals(run?.rows.test, 360);
 *
 * const wrong = await checkPipeline(file, { engine, set: ["metrics=[acuracy]"] });
 * assertEquals(wrong.problems[0]?.hint, "did you mean accuracy?");
 * ```
 */
export async function checkPipeline(
  pipeline: string | Pipeline,
  { set, allowPlugins, engine, report = () => {} }: CheckPipelineOptions = {},
): Promise<CheckResult> {
  const warnings = new Map<string, Problem>();
  const warn = (found: readonly Problem[]) => {
    for (const warning of found) warnings.set(warning.message, warning);
  };
  return await namingPermissions(async () => {
    try {
      const plan = await readPlan(pipeline, set, allowPlugins);
      const { data: { splits }, nets, phases } = await checkPlan(plan, { engine, report, warn });
      return {
        problems: [],
        warnings: [...warnings.values()],
        run: {
          name: plan.name,
          rows: Object.fromEntries(Object.entries(splits).map(([name, { rows }]) => [name, rows])),
          stepsPerEpoch: batchCount(splits.train.rows, plan.cut),
          parameters: parametersOf({ nets, model: phases[0]!.phase.nets.model }),
          stepBytes: Math.max(...phases.map(({ batch }) => batch.peakBytes)),
        },
      };
    } catch (error) {
      if (!(error instanceof UserError) || missingPermission(error)) throw error;
      return { problems: error.problems, warnings: [...warnings.values()], run: undefined };
    }
  });
}
