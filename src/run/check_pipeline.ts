import { type Problem, UserError } from "../base/errors.ts";
import { type EngineChoice, engineLine, openEngine } from "../engine/engine.ts";
import { stepsOf } from "../input/batches.ts";
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
import { teachersOfRuns } from "./teachers.ts";
import { warningsOf } from "./warnings/warnings.ts";

/**
 * The options of {@linkcode checkPlan}: the engine, and callbacks for log lines, warnings, and
 * phases.
 */
export interface CheckPlanOptions {
  /** The engine; `auto` by default. */
  readonly engine?: EngineChoice | undefined;
  /** The device of the native engine; `auto` by default. */
  readonly device?: "auto" | "cpu" | "gpu" | undefined;
  /** Receives log lines. */
  readonly report: (line: string) => void;
  /** Receives warnings; it may receive the same one more than once. */
  readonly warn: (warnings: readonly Problem[]) => void;
  /** Called for each phase before its first batch is computed. */
  readonly onPhase?: (phase: JobPhase) => void;
}

/** The result of {@linkcode checkPlan}: the rows, the nets, and the first batch of each phase. */
export interface CheckedPlan {
  /** The rows; their files are closed already. */
  readonly data: PreparedData;
  /** The nets that are trained together. */
  readonly nets: readonly NetName[];
  /** The initial weights that the pipeline names. */
  readonly given: GivenState;
  /** The phases, with the result of the first batch of each. */
  readonly phases: readonly { readonly phase: JobPhase; readonly batch: FirstBatch }[];
}

/**
 * Does everything that a run does except for training: opens the data, builds all nets, and computes
 * one batch of each phase.
 *
 * @param plan The plan.
 * @param options The engine and the listeners.
 * @throws {UserError} If the data or a stage fails, or if they do not fit together.
 */
export async function checkPlan(
  plan: Plan,
  { engine: choice = "auto", device, report, warn, onPhase }: CheckPlanOptions,
): Promise<CheckedPlan> {
  const compute = teachersOfRuns(plan, {
    engine: () => openEngine(choice, report, { device }),
    listener: { report, debug: false },
  });
  const data = await prepareData(plan, report, compute);
  try {
    const engine = await openEngine(choice, report, { device });
    report(engineLine(engine));
    // The baseline's nets are built as well, so their problems appear now and not after an hour.
    const { rocket: { nets, phases }, alone } = await prepareJobs(plan, data, report);
    warn(await warningsOf(data));
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

/** The options of {@linkcode checkPipeline}, such as changes to the pipeline and the engine. */
export interface CheckPipelineOptions {
  /** Changes to the pipeline in the form `PATH=VALUE`, such as `train.epochs=3`. */
  readonly set?: readonly string[];
  /**
   * Code outside the project's folder that the pipeline may load, such as `npm:their-stage@1`.
   */
  readonly allowPlugins?: readonly string[];
  /** The engine that the first batch is computed on; `auto` by default. */
  readonly engine?: EngineChoice;
  /** Receives log lines. */
  readonly report?: (line: string) => void;
}

/**
 * The result of {@linkcode checkPipeline}: the errors and warnings, and facts about the run, such
 * as its number of steps.
 */
export interface CheckResult {
  /** The errors that would prevent a run, with places and hints; empty if the pipeline can run. */
  readonly problems: readonly Problem[];
  /** Warnings about mistakes that do not prevent a run but make its result useless. */
  readonly warnings: readonly Problem[];
  /** Facts about the run; undefined if there are problems. */
  readonly run: {
    /** The pipeline's name. */
    readonly name: string;
    /** The number of rows in each split. */
    readonly rows: Readonly<Record<string, number>>;
    /** The number of steps in an epoch. */
    readonly stepsPerEpoch: number;
    /** The number of trainable parameters of each net. */
    readonly parameters: Readonly<Partial<Record<NetName, number>>>;
    /** The peak memory of the tensors of a step, in bytes. */
    readonly stepBytes: number;
  } | undefined;
}

/**
 * Checks a pipeline without training it, like `deno task pipeline check FILE`, but prints nothing.
 * It reads the pipeline, opens its data, builds its nets and computes one batch. It writes no files.
 *
 * @param pipeline A pipeline file, or a pipeline from `definePipeline()`, whose relative paths
 *   start from the current folder.
 * @param options Changes to the pipeline, and the engine.
 * @returns The problems and the warnings, and facts about the run.
 * @throws {UserError} If the program lacks a permission, which the hint names.
 *
 * @example
 * ```ts
 * import { checkPipeline } from "@rocket-launching/rocket";
 * import { assertEquals } from "@std/assert";
 *
 * const file = "pipelines/digits.yaml", engine = "wasm";
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
          stepsPerEpoch: stepsOf(splits.train, plan.cut),
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
