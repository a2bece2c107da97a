/**
 * A run from its plan to its run folder.
 *
 * @module
 */

import { join } from "node:path";
import denoConfig from "../deno.json" with { type: "json" };
import { choosePrecision, thisMachine } from "../engine/bfloat16.ts";
import type { Precision } from "../engine/capture/precision.ts";
import { type Engine, type EngineChoice, openEngine } from "../engine/engine.ts";
import { refuseLinksOut } from "../files/inside.ts";
import { removeDrafts } from "../files/write_chunks.ts";
import { writeFileWhole } from "../files/write.ts";
import { UserError } from "../pipeline/errors.ts";
import type { Plan } from "../pipeline/plan.ts";
import { callStage, StageError } from "../pipeline/stage_error.ts";
import type { GradientNorms, JobName, Result, RunEvents } from "../pipeline/stages/events.ts";
import type { NetName } from "../pipeline/stages/network.ts";
import type { Output } from "../pipeline/stages/output.ts";
import type { StageReference } from "../pipeline/stage_error.ts";
import type { CaptureListener } from "./captured.ts";
import { lastGoodCheckpoint } from "./good_checkpoint.ts";
import type { Input, InputThread } from "./input/input.ts";
import { openInput } from "./input/open.ts";
import type { JobResult } from "./checkpoint/content.ts";
import {
  type EarlierRun,
  readEarlierRun,
  refuseOtherData,
  refuseOtherPlan,
} from "./checkpoint/earlier_run.ts";
import { CheckpointStore, type StoredCheckpoint } from "./checkpoint/store.ts";
import { disposeInput, type Emit, type Job, runJob, stepInput } from "./job.ts";
import { lockRun } from "./run_lock.ts";
import { describe } from "./objective.ts";
import {
  firstBatch,
  netsOf,
  prepareData,
  type PreparedData,
  type PreparedNets,
  prepareNets,
} from "./prepare.ts";
import { disposeState, gradientNorms, initialState } from "./step.ts";
import { initialValues, parameterCount } from "./variables.ts";
import * as tf from "@tensorflow/tfjs";

/** How a run is made, beside what its pipeline says. */
export interface RunOptions {
  /** The run folder; it is made, and may not hold another run unless that is resumed. */
  readonly out: string;
  /** The engine; `auto` by default. */
  readonly engine?: EngineChoice | undefined;
  /** What training steps compute in, where the machine has units for it; float32 by default. */
  readonly precision?: Precision | undefined;
  /**
   * Whether to go on with the run that the folder holds, from its newest checkpoint that is whole, or
   * from the start if it has none. Engine and precision are that run's by default.
   */
  readonly resume?: boolean;
  /**
   * When it is aborted, the run finishes its step, writes a checkpoint, and throws an
   * `Interruption`.
   */
  readonly signal?: AbortSignal;
  /** Whether outputs should keep quiet. */
  readonly quiet?: boolean;
  /** Hears of all events, after the pipeline's outputs. */
  readonly listener?: Output;
  /** Told of what a person may want to know, a line at a time. */
  readonly report?: (line: string) => void;
  /** Whether to report how steps are computed. */
  readonly debug?: boolean;
  /**
   * Whether batches are made in a thread of their own: `auto`, by default, begins without and starts one
   * where batches take a noticeable part of the time. The numbers are the same.
   */
  readonly inputThread?: InputThread;
}

/**
 * Trains what a plan says and writes the run folder.
 *
 * @param plan The plan.
 * @param options Where to, and on which engine.
 * @returns What came out; `result.json` holds the same.
 * @throws {UserError} If data, numbers, the disk or a stage fail.
 */
export async function runPlan(plan: Plan, options: RunOptions): Promise<Result> {
  const { report = () => {} } = options;
  const earlier = options.resume ? await readEarlierRun(options.out) : undefined;
  if (earlier) refuseOtherPlan(earlier, plan);
  // A folder that is not there yet is nobody's: it is locked when it is made.
  if (earlier) await refuseLinksOut(options.out);
  using resumed = earlier && await lockRun(options.out);
  const data = await prepareData(plan, report);
  try {
    if (earlier) refuseOtherData(earlier, data, plan);
    const engine = await openEngine(options.engine ?? earlier?.engine ?? "auto", report);
    report(`engine: ${engine.name} (${engine.detail})`);
    const { precision, line } = choosePrecision(
      options.precision ?? earlier?.precision ?? "float32",
      engine.name,
      await thisMachine(),
    );
    if (line) report(line);
    const nets = prepareNets(plan, data, netsOf(plan));
    const baseline = plan.baseline && nets.nets.length === 2
      ? prepareNets(plan, data, ["light"])
      : undefined;
    const about = describeRun(plan, data, engine, precision);
    using _made = resumed ? undefined : await makeRunFolder(options.out);
    if (earlier) reportChanges(earlier, about, report);
    await removeDrafts(options.out);
    if (!earlier || isOther(earlier, about)) await writePipeline(about, options.out);
    const store = new CheckpointStore(options.out);
    if (earlier) await store.removeDrafts();
    const run = new Run({ plan, data, engine, precision, about, store }, options);
    return await run.all(nets, baseline);
  } finally {
    await data.close();
  }
}

/** What a run is made of. */
interface RunParts {
  readonly plan: Plan;
  readonly data: PreparedData;
  readonly engine: Engine;
  readonly precision: Precision;
  readonly about: EarlierRun;
  readonly store: CheckpointStore;
}

/** The outputs of a run and the events that they hear. */
class Run {
  readonly #parts: RunParts;
  readonly #options: RunOptions;
  readonly #listener: CaptureListener;
  readonly #input: Input;
  readonly #outputs: readonly { stage: StageReference | undefined; output: Output }[];

  constructor(parts: RunParts, options: RunOptions) {
    const { plan, data } = parts;
    this.#parts = parts;
    this.#options = options;
    this.#listener = { report: options.report ?? (() => {}), debug: options.debug ?? false };
    this.#input = openInput(plan, data, {
      thread: options.inputThread ?? "auto",
      report: (line) => this.#listener.debug && this.#listener.report(line),
    });
    const context = { folder: options.out, quiet: options.quiet ?? false };
    this.#outputs = [
      ...plan.outputs.map(({ stage, options, reference }) => {
        const output = callStage(reference, "create()", () => stage.create(options, context));
        if (typeof output !== "object" || output === null) {
          throw new StageError(reference, `created ${describe(output)} instead of an output`, {
            hint: "create() returns an object of hooks, such as { runEnd(event) { … } }",
          });
        }
        return { stage: reference, output };
      }),
      { stage: undefined, output: options.listener ?? {} },
    ];
  }

  async all(nets: PreparedNets, baseline: PreparedNets | undefined): Promise<Result> {
    try {
      const alone = baseline && await this.#newest("light-alone");
      const rocket = this.#rocketOf(alone) ??
        await this.#job("rocket", nets, await this.#newest("rocket"));
      const light = baseline && await this.#job("light-alone", baseline, alone, rocket);
      const result = this.#result(nets, rocket, baseline, light);
      await this.#emit("runEnd", { result });
      return result;
    } catch (error) {
      // The run's own failure matters more than what outputs make of it.
      await this.#emit("failure", { error: error as Error }).catch(() => {});
      throw error;
    } finally {
      this.#input.close();
    }
  }

  async #newest(job: JobName): Promise<StoredCheckpoint | undefined> {
    if (!this.#options.resume) return undefined;
    return await this.#parts.store.newest(job, this.#listener.report);
  }

  /** What the rocket ended with, if a checkpoint of the light net alone knows and it still holds. */
  #rocketOf(alone: StoredCheckpoint | undefined): JobResult | undefined {
    const { plan, data } = this.#parts, rocket = alone?.content.rocket;
    const whole = rocket?.steps === stepsPerEpoch(plan, data) * plan.epochs;
    return whole || rocket?.stopped ? rocket : undefined;
  }

  async #job(
    name: JobName,
    nets: PreparedNets,
    from: StoredCheckpoint | undefined,
    rocket?: JobResult,
  ): Promise<JobResult> {
    const { plan, data, engine, precision, about, store } = this.#parts, { splits } = data;
    const { report } = this.#listener;
    if (from) refuseLater(from, plan);
    const position = from?.content.position;
    if (position) report(`${name}: resumed after step ${position.step}, from ${from.path}`);
    else if (this.#options.resume && name === "rocket") {
      report("there is no checkpoint yet: the run starts anew");
    }
    const gradients = from?.content.gradients ?? await measureGradients(plan, data, nets);
    const start = {
      job: name,
      name: plan.name,
      engine: engine.name,
      precision,
      seed: plan.seed,
      nets: nets.nets,
      parameters: parametersOf(nets),
      epochs: plan.epochs,
      stepsPerEpoch: stepsPerEpoch(plan, data),
      rows: Object.fromEntries(Object.entries(splits).map(([name, { rows }]) => [name, rows])),
    };
    const job: Job = {
      name,
      seed: plan.seed,
      epochs: plan.epochs,
      batch: plan.batch,
      data,
      input: this.#input,
      nets,
      precision,
      select: plan.select,
      nonFinite: plan.nonFinite,
      maxSkipped: plan.maxSkipped,
      lastCheckpoint: () => lastGoodCheckpoint(this.#options.out),
      stop: plan.stop,
      place: plan.document.place(["losses"]),
      ...this.#listener,
    };
    const result = await runJob(job, this.#emit, {
      store,
      from,
      announce: (from) => this.#emit("runStart", { ...start, ...resumedAt(from) }),
      about: { job: name, gradients, run: about, ...(rocket && { rocket }) },
      signal: this.#options.signal,
    });
    return { ...result, gradients };
  }

  #result(
    nets: PreparedNets,
    { gradients, ...rocket }: JobResult,
    baseline: PreparedNets | undefined,
    alone: JobResult | undefined,
  ): Result {
    const { plan, engine, precision } = this.#parts;
    return {
      name: plan.name,
      engine: engine.name,
      precision,
      seed: plan.seed,
      ...rocket,
      parameters: parametersOf(nets),
      gradients,
      ...(alone && baseline && {
        baseline: {
          skipped: alone.skipped,
          epochs: alone.epochs,
          ...(alone.stopped && { stopped: alone.stopped }),
          seconds: alone.seconds,
          input: alone.input,
          test: alone.test,
          best: alone.best,
          parameters: parametersOf(baseline),
        },
      }),
    };
  }

  readonly #emit: Emit = async (name, event) => {
    for (const { stage, output } of this.#outputs) {
      const hook = output[name] as ((event: RunEvents[typeof name]) => unknown) | undefined;
      if (!hook) continue;
      if (stage) await callStage(stage, `${name}()`, () => hook.call(output, event));
      else await hook.call(output, event);
    }
  };
}

/**
 * The gradient norms of each loss term on the first batch, as a run starts with.
 *
 * @param plan The plan.
 * @param data The rows.
 * @param nets The nets.
 */
export async function measureGradients(
  plan: Plan,
  data: PreparedData,
  { model, rate }: PreparedNets,
): Promise<GradientNorms[]> {
  const steps = stepsPerEpoch(plan, data) * plan.epochs;
  const position = { step: 0, steps, epoch: 0, epochs: plan.epochs };
  const batch = firstBatch(plan, data, plan.batch);
  const input = stepInput(model.terms, batch, position, rate(position), plan.seed);
  const state = initialState(model, initialValues(model.variables, plan.seed));
  try {
    return await gradientNorms(model, state, input);
  } finally {
    disposeState(state);
    disposeInput(input);
  }
}

/**
 * How many trainable numbers each net is made of.
 *
 * @param nets The nets.
 */
export function parametersOf(
  { nets, model }: PreparedNets,
): Partial<Record<NetName, number>> {
  return Object.fromEntries(nets.map((net) => [net, parameterCount(model.variables, net)]));
}

/** Makes a run folder, and takes it for this run. */
async function makeRunFolder(folder: string): Promise<Disposable> {
  let lock: Disposable | undefined;
  try {
    await Deno.mkdir(folder, { recursive: true });
    await refuseLinksOut(folder);
    lock = await lockRun(folder);
    for await (const { name } of Deno.readDir(folder)) {
      if (["pipeline.json", "metrics.jsonl", "result.json"].includes(name)) {
        throw new UserError(`the folder ${folder} already holds a run`, {
          hint: "choose another with --out, or remove it",
          exitCode: 2,
        });
      }
    }
    return lock;
  } catch (error) {
    lock?.[Symbol.dispose]();
    if (error instanceof UserError) throw error;
    throw new UserError(`the run folder ${folder} cannot be made: ${(error as Error).message}`, {
      hint: "choose another with --out",
      cause: error,
    });
  }
}

/** What is needed to know later what was run: every option, versions, data. */
function describeRun(
  plan: Plan,
  { splits, measured }: PreparedData,
  engine: Engine,
  precision: Precision,
): EarlierRun & { readonly measured: readonly unknown[] } {
  const data = Object.fromEntries(
    Object.entries(splits).map((
      [name, { rows, fingerprint, shuffle }],
    ) => [name, { rows, fingerprint, ...(name === "train" && { shuffle }) }]),
  );
  return {
    pipeline: plan.resolved,
    seed: plan.seed,
    engine: engine.name,
    precision,
    versions: {
      rocket: denoConfig.version,
      deno: Deno.version.deno,
      tfjs: tf.version_core,
      engine: engine.detail,
    },
    data,
    measured,
  };
}

async function writePipeline(about: EarlierRun, folder: string): Promise<void> {
  const text = JSON.stringify(about, undefined, 2) + "\n";
  await writeFileWhole(join(folder, "pipeline.json"), new TextEncoder().encode(text));
}

/** Whether a run that goes on with another is not quite the same. */
function isOther(earlier: EarlierRun, about: EarlierRun): boolean {
  const asked = ({ pipeline, engine, precision }: EarlierRun) =>
    JSON.stringify([pipeline, engine, precision]);
  return asked(earlier) !== asked(about);
}

/** What computes differently may round differently. */
function reportChanges(
  earlier: EarlierRun,
  about: EarlierRun,
  report: (line: string) => void,
): void {
  const names = Object.keys(about.versions);
  const versions = names.filter((name) => earlier.versions?.[name] !== about.versions[name]);
  const changes = [
    ...(["engine", "precision"] as const).filter((name) => earlier[name] !== about[name])
      .map((name) => `${name} ${earlier[name]}, now ${about[name]}`),
    ...versions.map((name) => `${name} ${earlier.versions?.[name]}, now ${about.versions[name]}`),
  ];
  if (changes.length === 0) return;
  report(`the run began with ${changes.join("; ")}: numbers may differ in their last digits`);
}

/** What outputs hear of the checkpoint that a job goes on from. */
function resumedAt(from: StoredCheckpoint | undefined): Pick<RunEvents["runStart"], "resumed"> {
  if (!from) return {};
  const { epochs, step } = from.content.position;
  return { resumed: { epochs, step, checkpoint: from.path } };
}

function refuseLater({ path, content: { position } }: StoredCheckpoint, plan: Plan): void {
  const epochs = position.epochs + (position.batches > 0 ? 1 : 0);
  if (epochs <= plan.epochs) return;
  throw new UserError(
    `the checkpoint ${path} is of epoch ${epochs}, and there are to be ${plan.epochs}`,
    {
      place: plan.document.place(["train", "epochs"]),
      hint: "a run can be made longer when it is resumed, and not shorter",
      exitCode: 2,
    },
  );
}

const stepsPerEpoch = ({ batch }: Plan, { splits }: PreparedData) =>
  Math.ceil(splits.train.rows / batch);
