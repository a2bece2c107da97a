/**
 * Executes a plan and writes the run folder.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { dirname, join, resolve } from "node:path";
import { ROCKET_VERSION } from "../base/package.ts";
import { choosePrecision, thisMachine } from "../engine/bfloat16.ts";
import type { Precision } from "../engine/capture/precision.ts";
import { type Engine, type EngineChoice, engineLine, openEngine } from "../engine/engine.ts";
import { removeDrafts } from "../base/files/drafts.ts";
import { refuseLinksOut } from "../base/files/inside.ts";
import { peakMemory } from "../base/machine/peak_memory.ts";
import { reasonOf } from "../base/files/write_failure.ts";
import { type Problem, UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Plan, PlannedPhase } from "../pipeline/plan.ts";
import { callStage, StageError } from "../stages/stage_error.ts";
import { directionsOf } from "./make_metric.ts";
import type { JobName, PhaseSpec, Result, RunEvents } from "../stages/events.ts";
import type { NetName } from "../stages/network.ts";
import type { Output } from "../stages/output.ts";
import type { CaptureListener } from "../train/captured.ts";
import type { Input, InputThread } from "../input/input.ts";
import { openInput } from "../input/open.ts";
import { stepsOf } from "../input/batches.ts";
import type { Measured } from "../input/transforms.ts";
import type { JobResult } from "./folder/checkpoint_content.ts";
import {
  type EarlierRun,
  type InitialHashes,
  readEarlierRun,
  writeEarlierRun,
} from "./folder/manifest.ts";
import { holdsRun } from "./folder/holds_run.ts";
import { CheckpointStore, type StoredCheckpoint } from "./folder/checkpoints.ts";
import { type Cluster, isFirstProcess } from "../cluster/processes.ts";
import { refuseShards } from "./cluster_checks.ts";
import type { ClusterRun } from "./cluster_run.ts";
import type { Emit, Job, JobPhase } from "./job.ts";
import { hashInitial, readInitial, refuseOtherInitial } from "./initial.ts";
import { refuseOtherData, refuseOtherPlan, refuseOtherRun } from "./resume_checks.ts";
import { runFiles } from "../base/files/run_files.ts";
import { describeModel } from "./model/describe.ts";
import { readModelFile, writeModelFile } from "./model/model_file.ts";
import { refuseOtherModel } from "./model/same_model.ts";
import { Outputs, OutputsFailed, type RunOutput } from "./outputs.ts";
import { removeRunDrafts } from "../base/files/run_drafts.ts";
import { lockRun } from "./folder/lock.ts";
import { describeValue } from "../base/describe_value.ts";
import { firstBatch, prepareData, type PreparedData } from "../input/prepare_data.ts";
import { netsOf, phaseAlone, type PreparedNets, prepareNets } from "./prepare_nets.ts";
import { startCluster } from "./start_cluster.ts";
import { chooseMetrics } from "./choose.ts";
import { teachersOfRuns } from "./teachers.ts";
import { runJob } from "./trainer.ts";
import { type GivenState, nothingGiven, parameterCount } from "../train/variables.ts";
import { type FirstStep, largeFirstLoss } from "./warnings/first_loss.ts";
import { warningsOf } from "./warnings/warnings.ts";
import * as tf from "@tensorflow/tfjs";

/** The engine, precision, and listeners of a run. */
export interface RunOptions {
  /** The engine; `auto` by default. */
  readonly engine?: EngineChoice | undefined;
  /** The device of the native engine; `auto` by default. */
  readonly device?: "auto" | "cpu" | "gpu" | undefined;
  /** Whether to use only operations that compute the same bytes in each run; false by default. */
  readonly deterministic?: boolean | undefined;
  /** Whether XLA compiles training steps on the native engine; false by default. */
  readonly xla?: boolean | undefined;
  /**
   * The maximum number of threads for an operation of the native engine; the number of processors by
   * default. The environment variable `TF_NUM_INTRAOP_THREADS` takes precedence. If TensorFlow is
   * already loaded, its number of threads does not change.
   */
  readonly threads?: number | undefined;
  /**
   * The number format of training steps, if the machine supports it in hardware; float32 by
   * default.
   */
  readonly precision?: Precision | undefined;
  /**
   * A signal that ends the run: when it is aborted, the run finishes its step, writes a checkpoint,
   * and throws an `Interruption`.
   */
  readonly signal?: AbortSignal;
  /** Whether outputs should print nothing. */
  readonly quiet?: boolean;
  /** Receives all events, after the pipeline's outputs. */
  readonly listener?: Output;
  /** Receives log lines. */
  readonly report?: (line: string) => void;
  /** Whether to log how steps are computed. */
  readonly debug?: boolean;
  /**
   * Whether a separate thread makes batches. With `auto` (the default), the run starts without a
   * thread, and starts one if making batches takes a noticeable fraction of the time. The results
   * are the same.
   */
  readonly inputThread?: InputThread;
}

/** The options of {@linkcode runPlan}, such as the run folder. */
export interface RunPlanOptions extends RunOptions {
  /** The run folder. It is created, and must not contain another run unless that run is resumed. */
  readonly out: string;
  /**
   * Whether to resume the run in the folder from its newest intact checkpoint, or from the start if
   * it has no checkpoint. Engine, device, and precision default to those of that run.
   */
  readonly resume?: boolean;
  /**
   * The cluster in which this process trains with others; by default, it trains alone. Only the
   * first process writes the run folder and sends events.
   */
  readonly cluster?: Cluster | undefined;
}

/**
 * Trains the nets of a plan and writes the run folder.
 *
 * @param plan The plan.
 * @param options The run folder and the engine.
 * @returns The result, as in `result.json`.
 * @throws {UserError} If data, numbers, the disk or a stage fail.
 */
export async function runPlan(plan: Plan, options: RunPlanOptions): Promise<Result> {
  const { report = () => {}, cluster } = options;
  const isFirst = isFirstProcess(cluster);
  const earlier = options.resume ? await readEarlierRun(options.out) : undefined;
  if (earlier) refuseOtherPlan(earlier, plan);
  // A new folder is locked when it is created.
  if (earlier) await refuseLinksOut(options.out);
  using resumed = earlier && isFirst ? lockRun(options.out) : undefined;
  if (earlier && isFirst) removeRunDrafts(options.out);
  // Refuse before the data is read, which can take long.
  if (!earlier && isFirst) await refuseTaken(options.out);
  // A run on a GPU may continue on a machine without one.
  const device = options.device ?? (earlier && earlier.device === undefined ? "cpu" : "auto");
  const deterministic = (options.deterministic || earlier?.deterministic) ?? false;
  const xla = (options.xla || earlier?.xla) ?? false;
  const choice = cluster || device === "gpu" || xla
    ? "native"
    : options.engine ?? earlier?.engine ?? "auto";
  const { threads } = options;
  const open = () => openEngine(choice, report, { threads, cluster, device, deterministic, xla });
  const compute = teachersOfRuns(plan, {
    engine: open,
    listener: { report, debug: options.debug ?? false },
  });
  const data = await prepareData(plan, report, compute);
  let together: ClusterRun | undefined;
  try {
    if (earlier) refuseOtherData(earlier, data, plan);
    const engine = await open();
    report(engineLine(engine, { deterministic, xla }));
    const { precision, line } = choosePrecision(
      options.precision ?? earlier?.precision ?? "float32",
      engine.name,
      await thisMachine(),
      engine.gpu,
    );
    if (line) report(line);
    const jobs = await prepareJobs(plan, data, report, cluster?.addresses.length);
    if (cluster) refuseShards(plan, modelsOf(jobs), cluster.addresses.length);
    // A resumed run printed its warnings when it began.
    const warnings = earlier ? [] : await warningsOf(data);
    const initial = earlier?.initial ?? await hashInitial(plan);
    const about = {
      ...describeRun(plan, data, engine, { precision, deterministic, xla, initial }),
      project: earlier ? earlier.project : await Deno.realPath(plan.project),
    };
    const { nets, phases: [first] } = jobs.rocket;
    const described = describeModel(plan, data, nets, first!.nets);
    const model = { ...described, run: earlier ? undefined : runId(about) };
    if (earlier) await refuseOtherModel(options.out, model);
    if (cluster) {
      const facts = factsOf(about, options.resume ?? false);
      together = await startCluster(options.out, report, facts);
    }
    using _made = resumed || !isFirst ? undefined : await makeRunFolder(options.out);
    if (earlier) reportChanges(earlier, about, report);
    // Written before pipeline.json, so a folder with pipeline.json always has model.json.
    if (!earlier && isFirst) await writeModelFile(options.out, model);
    if (!earlier && isFirst) await writeEarlierRun(options.out, about);
    const changed = earlier !== undefined && isOther(earlier, about);
    const { sha256 } = isFirst
      ? await readModelFile(join(options.out, runFiles.model))
      : { sha256: undefined };
    const store = new CheckpointStore(options.out, sha256);
    const parts = {
      ...{ plan, data, engine, precision, about, changed, store, warnings },
      cluster: together,
    };
    const run = new Run(parts, options);
    const result = await run.all(jobs);
    together?.finish();
    return result;
  } catch (error) {
    throw await together?.leave(error) ?? error;
  } finally {
    together?.stop();
    await data.close();
  }
}

/** Returns what must be equal in all processes of a cluster, by what it is called in messages. */
function factsOf(about: EarlierRun, resume: boolean): Record<string, unknown> {
  const { pipeline, variables, seed, engine, device, deterministic, xla, precision } = about;
  const { versions, data, initial, teachers } = about;
  return {
    "a command": resume ? "resume" : "run",
    "a pipeline": [pipeline, variables, seed],
    "versions": [versions, engine],
    "a device": [device, deterministic, xla],
    "a precision": precision,
    "data": [data, teachers],
    "initial weights": initial,
  };
}

/** Returns the id of a run. Equal runs have equal ids. */
function runId({ project: _, ...about }: object & { readonly project?: unknown }): string {
  return createHash("sha256").update(JSON.stringify(about)).digest("hex").slice(0, 32);
}

/** The nets of a job, and its phases. */
interface PreparedJob {
  /** The nets of the job. */
  readonly nets: readonly NetName[];
  /** The phases that train them. */
  readonly phases: readonly JobPhase[];
}

/**
 * The jobs of a run: the joint training of both nets, and the training of the light net alone if
 * the plan asks for it.
 */
export interface PreparedJobs {
  /** The nets that the plan trains together. */
  readonly rocket: PreparedJob;
  /**
   * The light net alone, trained with the losses, optimizer, and epochs of the last phase;
   * undefined if the plan has no baseline.
   */
  readonly alone: PreparedJob | undefined;
}

/**
 * Builds the nets of all jobs and phases, and chooses the metric that selects the best epoch.
 *
 * @param plan The plan.
 * @param data The rows.
 * @param report Receives log lines.
 * @param processes The number of processes over which the rows of sharded tables are dealt.
 * @returns The jobs.
 * @throws {UserError} If the plan's stages do not fit the data or one another.
 */
export async function prepareJobs(
  plan: Plan,
  data: PreparedData,
  report: (line: string) => void = () => {},
  processes = 1,
): Promise<PreparedJobs> {
  const job = async (
    nets: readonly NetName[],
    phases: readonly PlannedPhase[],
    report?: (line: string) => void,
  ): Promise<PreparedJob> => {
    const built = phases.map((phase) => ({
      ...phase,
      nets: prepareNets(plan, data, nets, phase, processes),
    }));
    return { nets, phases: await chooseMetrics(plan, data, built, report) };
  };
  const nets = netsOf(plan);
  // Without a booster and a teacher, the light net is trained alone anyway.
  const wanted = plan.baseline && (nets.length === 2 || plan.teachers.length > 0);
  return {
    rocket: await job(nets, plan.phases, report),
    alone: wanted ? await job(["light"], [phaseAlone(plan)]) : undefined,
  };
}

/** The parts of a run. */
interface RunParts {
  readonly plan: Plan;
  readonly data: PreparedData;
  readonly engine: Engine;
  readonly precision: Precision;
  readonly about: EarlierRun;
  /** Whether it resumes a run with a changed pipeline, engine or precision. */
  readonly changed: boolean;
  readonly store: CheckpointStore;
  readonly warnings: readonly Problem[];
  /** The processes that train together, if there are several. */
  readonly cluster: ClusterRun | undefined;
}

/** Receives log lines and warnings about initial weights. */
interface GivenListener {
  readonly report?: (line: string) => void;
  readonly warn?: (warning: Problem) => void;
}

/** A run: executes the jobs and sends events to the outputs. */
class Run {
  readonly #parts: RunParts;
  readonly #options: RunPlanOptions;
  readonly #listener: CaptureListener;
  readonly #input: Input;
  readonly #outputs: Outputs;

  constructor(parts: RunParts, options: RunPlanOptions) {
    const { plan, data } = parts;
    this.#parts = parts;
    this.#options = options;
    this.#listener = { report: options.report ?? (() => {}), debug: options.debug ?? false };
    this.#input = openInput(data, {
      thread: options.inputThread ?? "auto",
      report: (line) => this.#listener.debug && this.#listener.report(line),
    });
    const context = { folder: options.out, quiet: options.quiet ?? false };
    const stages = parts.cluster?.isFirst === false ? [] : plan.outputs;
    const outputs: RunOutput[] = [
      ...stages.map(({ stage, options, reference }) => {
        const output = callStage(reference, "create()", () => stage.create(options, context));
        if (typeof output !== "object" || output === null) {
          throw new StageError(reference, `created ${describeValue(output)} instead of an output`, {
            hint: hint(
              "output/create",
              "return an object of hooks from create(), such as { runEnd(event) { … } }",
              { edit: "the stage" },
            ),
          });
        }
        return { stage: reference, output };
      }),
      { stage: undefined, output: options.listener ?? {} },
    ];
    this.#outputs = new Outputs(outputs, this.#listener.report);
  }

  async all(jobs: PreparedJobs): Promise<Result> {
    try {
      const from = {
        alone: jobs.alone && await this.#newest("light-alone"),
        rocket: await this.#newest("rocket"),
      };
      const { report } = this.#listener, warnings = [...this.#parts.warnings];
      const warn = (warning: Problem) => void warnings.push(warning);
      // Read the weights of both jobs now, so that a wrong file does not fail after hours.
      const given = {
        rocket: await this.#given(jobs.rocket, from.rocket ?? from.alone, { report, warn }),
        alone: jobs.alone && await this.#given(jobs.alone, from.alone),
      };
      for (const warning of warnings) await this.#emit("warning", warning);
      const rocket = this.#rocketOf(from.alone) ??
        await this.#job("rocket", jobs.rocket, from.rocket, given.rocket);
      const light = jobs.alone &&
        await this.#job("light-alone", jobs.alone, from.alone, given.alone!, rocket);
      const result = this.#result(jobs, rocket, light);
      await this.#emit("runEnd", { result });
      const { errors } = this.#outputs;
      if (errors.length > 0) throw new OutputsFailed(errors, result);
      return result;
    } catch (error) {
      if (error instanceof OutputsFailed) {
        await this.#options.listener?.failure?.({ error });
        throw error;
      }
      // The run's own failure matters more than failures of outputs that receive it.
      await this.#emit("failure", { error: error as Error }).catch(() => {});
      throw error;
    } finally {
      this.#input.close();
    }
  }

  async #newest(job: JobName): Promise<StoredCheckpoint | undefined> {
    if (!this.#options.resume) return undefined;
    const { store, cluster, data, plan } = this.#parts;
    const newest = () => store.newest(job, this.#listener.report);
    const found = await (cluster?.ofFirst(newest, "checkpoint") ?? newest());
    if (found) refuseOtherRun(found.content.run, data, plan);
    return found;
  }

  /** Reads the initial weights of a job, unless it continues from a checkpoint. */
  async #given(
    { nets, phases }: PreparedJob,
    from: StoredCheckpoint | undefined,
    { report, warn }: GivenListener = {},
  ): Promise<GivenState> {
    if (from) return nothingGiven;
    const { plan, about } = this.#parts;
    if (this.#options.resume) {
      const initial = plan.initial.filter((one) => one.nets.some((net) => nets.includes(net)));
      await refuseOtherInitial({ initial }, about.initial);
    }
    return await readInitial(plan, phases[0]!.nets, report, warn);
  }

  /**
   * Returns the result of the joint training from a checkpoint of the light net alone, if it is
   * still valid.
   */
  #rocketOf(alone: StoredCheckpoint | undefined): JobResult | undefined {
    const { plan } = this.#parts, rocket = alone?.content.rocket;
    const last = rocket?.phases?.at(-1) ?? rocket;
    const whole = last?.epochs === plan.phases.at(-1)!.epochs;
    return whole || rocket?.stopped ? rocket : undefined;
  }

  async #job(
    name: JobName,
    { nets, phases }: PreparedJob,
    from: StoredCheckpoint | undefined,
    given: GivenState,
    rocket?: JobResult,
  ): Promise<JobResult> {
    const { plan, data, engine, precision, about, store, cluster } = this.#parts;
    const { splits } = data;
    const { report } = this.#listener;
    if (from) refuseLater(from, phases);
    const position = from?.content.position;
    if (position) report(`${name}: resumed after step ${position.step}, from ${from.path}`);
    else if (this.#options.resume && name === "rocket") {
      report("the run has no checkpoint yet: it starts from scratch");
    }
    const start = {
      job: name,
      name: plan.name,
      engine: engine.name,
      precision,
      seed: plan.seed,
      nets,
      parameters: parametersOf({ nets, model: phases[0]!.nets.model }),
      epochs: phases.reduce((sum, { epochs }) => sum + epochs, 0),
      ...(phases[0]!.name !== undefined && { phases: phases.map(specOf) }),
      stepsPerEpoch: stepsOf(splits.train, plan.cut),
      rows: Object.fromEntries(Object.entries(splits).map(([name, { rows }]) => [name, rows])),
    };
    const job: Job = {
      name,
      seed: plan.seed,
      phases: phases.map((phase) => withShards(phase, cluster)),
      given,
      cut: plan.cut,
      part: plan.part,
      evaluateEvery: plan.evaluateEvery,
      data,
      first: firstBatch(plan, data),
      input: this.#input,
      precision,
      xla: about.xla,
      cluster,
      firstStep: name === "rocket" && (cluster?.isFirst ?? true)
        ? (step) => this.#warnOfFirst(step)
        : undefined,
      ...this.#listener,
    };
    return await runJob(job, this.#emit, {
      store,
      from,
      announce: async (from) => {
        // Written only now: if this pipeline cannot be resumed, the folder keeps the old one, which
        // can.
        if (this.#parts.changed && (cluster?.isFirst ?? true)) {
          await writeEarlierRun(this.#options.out, about);
        }
        await this.#emit("runStart", { ...start, ...resumedAt(from) });
      },
      about: { job: name, run: about, ...(rocket && { rocket }) },
      signal: this.#options.signal,
    });
  }

  async #warnOfFirst(step: FirstStep): Promise<void> {
    for (const warning of largeFirstLoss(this.#parts.plan, step)) {
      await this.#emit("warning", warning);
    }
  }

  #result(
    jobs: PreparedJobs,
    { gradients, ...rocket }: JobResult,
    alone: JobResult | undefined,
  ): Result {
    const parameters = ({ nets, phases: [first] }: PreparedJob) =>
      parametersOf({ nets, model: first!.nets.model });
    const { plan, engine, precision } = this.#parts, peakBytes = peakMemory();
    return {
      name: plan.name,
      engine: engine.name,
      precision,
      seed: plan.seed,
      ...rocket,
      ...(peakBytes !== undefined && { memory: { peakBytes } }),
      better: directionsOf(plan),
      parameters: parameters(jobs.rocket),
      gradients,
      ...(alone && jobs.alone && {
        baseline: {
          skipped: alone.skipped,
          epochs: alone.epochs,
          ...(alone.stopped && { stopped: alone.stopped }),
          seconds: alone.seconds,
          input: alone.input,
          test: alone.test,
          best: alone.best,
          parameters: parameters(jobs.alone),
        },
      }),
    };
  }

  readonly #emit: Emit = (name, event) => this.#outputs.emit(name, event);
}

/**
 * Counts the trainable parameters of each net.
 *
 * @param nets The nets.
 */
export function parametersOf(
  { nets, model }: Pick<PreparedNets, "nets" | "model">,
): Partial<Record<NetName, number>> {
  return Object.fromEntries(nets.map((net) => [net, parameterCount(model.variables, net)]));
}

/** Rejects a folder that contains a run, and a path that cannot become a folder. */
async function refuseTaken(folder: string): Promise<void> {
  if (await holdsRun(folder)) {
    throw new UserError(`the folder ${folder} already contains a run`, {
      hint: hint("run/taken", "choose another folder with --out, or remove this one", {
        args: { add: ["--out", "another"] },
      }),
      exitCode: 2,
    });
  }
  for (let at = resolve(folder);; at = dirname(at)) {
    const info = await Deno.stat(at).catch(() => undefined);
    if (info?.isDirectory || at === dirname(at)) return;
    if (!info) continue;
    throw new UserError(`the run folder ${folder} cannot be created: ${at} is a file`, {
      hint: outHint(),
    });
  }
}

/** Returns the hint for a run folder that cannot be created. */
const outHint = () =>
  hint("run/out", "choose another folder with --out", { args: { add: ["--out", "another"] } });

/** Creates a run folder, and locks it for this run. */
async function makeRunFolder(folder: string): Promise<Disposable> {
  let lock: Disposable | undefined;
  try {
    await Deno.mkdir(folder, { recursive: true });
    await refuseLinksOut(folder);
    lock = lockRun(folder);
    // A process that was killed before it wrote pipeline.json may have left drafts.
    removeDrafts(folder);
    // Another process may have written a run in the meantime.
    await refuseTaken(folder);
    return lock;
  } catch (error) {
    lock?.[Symbol.dispose]();
    if (error instanceof UserError) throw error;
    throw new UserError(`the run folder ${folder} cannot be created: ${reasonOf(error)}`, {
      hint: outHint(),
      cause: error,
    });
  }
}

/** Describes a run for `pipeline.json`: every option, versions, and the data. */
function describeRun(
  plan: Plan,
  { splits, measured, teachers }: PreparedData,
  engine: Engine,
  { precision, deterministic, xla, initial }: {
    readonly precision: Precision;
    readonly deterministic: boolean;
    readonly xla: boolean;
    readonly initial: InitialHashes;
  },
): EarlierRun & { readonly measured: Measured } {
  const data = Object.fromEntries(
    Object.entries(splits).map((
      [name, { rows, fingerprint, shuffle }],
    ) => [name, { rows, fingerprint, ...(name === "train" && { shuffle }) }]),
  );
  return {
    pipeline: plan.resolved,
    variables: plan.variables,
    seed: plan.seed,
    engine: engine.name,
    ...(engine.gpu && { device: "gpu" as const }),
    ...(deterministic && { deterministic: true as const }),
    ...(xla && { xla: true as const }),
    precision,
    versions: {
      rocket: ROCKET_VERSION,
      deno: Deno.version.deno,
      tfjs: tf.version_core,
      engine: engine.detail,
    },
    data,
    initial,
    ...(Object.keys(teachers).length > 0 && { teachers }),
    measured,
  };
}

/** Checks whether a resumed run has another pipeline, engine, device or precision than before. */
function isOther(earlier: EarlierRun, about: EarlierRun): boolean {
  const asked = (run: EarlierRun) => {
    const { pipeline, variables, engine, device, deterministic, xla, precision } = run;
    return JSON.stringify([pipeline, variables, engine, device, deterministic, xla, precision]);
  };
  return asked(earlier) !== asked(about);
}

/** Logs changes of engine, precision and versions, because they may round differently. */
function reportChanges(
  earlier: EarlierRun,
  about: EarlierRun,
  report: (line: string) => void,
): void {
  const names = Object.keys(about.versions);
  const versions = names.filter((name) => earlier.versions?.[name] !== about.versions[name]);
  const changes = [
    ...(["engine", "precision"] as const).filter((name) => earlier[name] !== about[name])
      .map((name) => `${name} ${earlier[name]} (now ${about[name]})`),
    ...(earlier.device === about.device
      ? []
      : [`device ${earlier.device ?? "cpu"} (now ${about.device ?? "cpu"})`]),
    ...Object.keys(about.variables).filter((name) =>
      earlier.variables[name] !== about.variables[name]
    ).map((name) => `another value of the environment variable ${name}`),
    ...versions.map((name) => `${name} ${earlier.versions?.[name]} (now ${about.versions[name]})`),
  ];
  if (changes.length === 0) return;
  report(`the run began with ${changes.join(", ")}: numbers may differ in their last digits`);
}

/** Describes the checkpoint that a job continues from, for the event `runStart`. */
function resumedAt(from: StoredCheckpoint | undefined): Pick<RunEvents["runStart"], "resumed"> {
  if (!from) return {};
  const { epochs, step } = from.content.position;
  return { resumed: { epochs, step, checkpoint: from.path } };
}

const modelsOf = ({ rocket, alone }: PreparedJobs) =>
  [...rocket.phases, ...alone?.phases ?? []].map(({ nets: { model } }) => model);

/** Tells a phase with sharded tables over which processes their rows are dealt. */
function withShards(phase: JobPhase, cluster: ClusterRun | undefined): JobPhase {
  const { model } = phase.nets;
  if (!cluster || !model.variables.some(({ shard }) => shard)) return phase;
  return { ...phase, nets: { ...phase.nets, model: { ...model, shards: cluster.collectives } } };
}

function specOf({ name = "", nets: { nets, model }, epochs }: JobPhase): PhaseSpec {
  return { name, nets, frozen: [...model.frozen ?? []], epochs };
}

function refuseLater(
  { path, content: { position } }: StoredCheckpoint,
  phases: readonly JobPhase[],
): void {
  const { start } = position, phase = phases[start.phase];
  const epochs = position.epochs - start.epochs + (position.batches > 0 ? 1 : 0);
  if (phase && epochs <= phase.epochs) return;
  const which = phase?.name === undefined ? "" : ` of the phase ${phase.name}`;
  throw new UserError(
    `the checkpoint ${path} is from epoch ${epochs}${which}, but \`epochs\` is ${
      phase?.epochs ?? 0
    }`,
    {
      place: phase?.epochsPlace,
      hint: hint(
        "resume/shorter",
        `a resumed run can become longer but not shorter: write ${epochs} or more`,
        { set: { ".": epochs } },
      ),
      exitCode: 2,
    },
  );
}
