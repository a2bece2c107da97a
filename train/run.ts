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
import { writeFileWhole } from "../files/write.ts";
import { UserError } from "../pipeline/errors.ts";
import type { Plan } from "../pipeline/plan.ts";
import { callStage, StageError } from "../pipeline/stage_error.ts";
import type { GradientNorms, JobName, Result, RunEvents } from "../pipeline/stages/events.ts";
import type { NetName } from "../pipeline/stages/network.ts";
import type { Output } from "../pipeline/stages/output.ts";
import type { StageReference } from "../pipeline/stage_error.ts";
import type { CaptureListener } from "./captured.ts";
import type { Input, InputThread } from "./input/input.ts";
import { openInput } from "./input/open.ts";
import { disposeInput, type Emit, type JobResult, runJob, stepInput } from "./job.ts";
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
  /** The run folder; it is made, and may not hold another run. */
  readonly out: string;
  /** The engine; `auto` by default. */
  readonly engine?: EngineChoice;
  /** What training steps compute in, where the machine has units for it; float32 by default. */
  readonly precision?: Precision;
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
  const data = await prepareData(plan);
  try {
    const engine = await openEngine(options.engine ?? "auto", report);
    report(`engine: ${engine.name} (${engine.detail})`);
    const { precision, line } = choosePrecision(
      options.precision ?? "float32",
      engine.name,
      await thisMachine(),
    );
    if (line) report(line);
    const nets = prepareNets(plan, data, netsOf(plan));
    const baseline = plan.baseline && nets.nets.length === 2
      ? prepareNets(plan, data, ["light"])
      : undefined;
    await makeRunFolder(options.out);
    await writePipeline(plan, data, engine, precision, options.out);
    const run = new Run(plan, data, engine, precision, options);
    return await run.all(nets, baseline);
  } finally {
    await data.close();
  }
}

/** The outputs of a run and the events that they hear. */
class Run {
  readonly #plan: Plan;
  readonly #data: PreparedData;
  readonly #engine: Engine;
  readonly #precision: Precision;
  readonly #listener: CaptureListener;
  readonly #input: Input;
  readonly #outputs: readonly { stage: StageReference | undefined; output: Output }[];

  constructor(
    plan: Plan,
    data: PreparedData,
    engine: Engine,
    precision: Precision,
    options: RunOptions,
  ) {
    this.#plan = plan;
    this.#data = data;
    this.#engine = engine;
    this.#precision = precision;
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
      const rocket = await this.#job("rocket", nets);
      const alone = baseline && await this.#job("light-alone", baseline);
      const result = this.#result(nets, rocket, baseline, alone);
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

  async #job(
    name: JobName,
    nets: PreparedNets,
  ): Promise<JobResult & { gradients: GradientNorms[] }> {
    const plan = this.#plan, { splits } = this.#data;
    const gradients = await measureGradients(plan, this.#data, nets);
    await this.#emit("runStart", {
      job: name,
      name: plan.name,
      engine: this.#engine.name,
      precision: this.#precision,
      seed: plan.seed,
      nets: nets.nets,
      parameters: parametersOf(nets),
      epochs: plan.epochs,
      stepsPerEpoch: Math.ceil(splits.train.rows / plan.batch),
      rows: Object.fromEntries(Object.entries(splits).map(([name, { rows }]) => [name, rows])),
    });
    const result = await runJob({
      name,
      seed: plan.seed,
      epochs: plan.epochs,
      batch: plan.batch,
      data: this.#data,
      input: this.#input,
      nets,
      precision: this.#precision,
      select: plan.select,
      place: plan.document.place(["losses"]),
      ...this.#listener,
    }, this.#emit);
    return { ...result, gradients };
  }

  #result(
    nets: PreparedNets,
    { gradients, ...rocket }: JobResult & { gradients: GradientNorms[] },
    baseline: PreparedNets | undefined,
    alone: JobResult | undefined,
  ): Result {
    return {
      name: this.#plan.name,
      engine: this.#engine.name,
      precision: this.#precision,
      seed: this.#plan.seed,
      epochs: this.#plan.epochs,
      ...rocket,
      parameters: parametersOf(nets),
      gradients,
      ...(alone && baseline && {
        baseline: {
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
  const steps = Math.ceil(data.splits.train.rows / plan.batch) * plan.epochs;
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

async function makeRunFolder(folder: string): Promise<void> {
  try {
    await Deno.mkdir(folder, { recursive: true });
    for await (const { name } of Deno.readDir(folder)) {
      if (["pipeline.json", "metrics.jsonl", "result.json"].includes(name)) {
        throw new UserError(`the folder ${folder} already holds a run`, {
          hint: "choose another with --out, or remove it",
          exitCode: 2,
        });
      }
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`the run folder ${folder} cannot be made: ${(error as Error).message}`, {
      hint: "choose another with --out",
      cause: error,
    });
  }
}

/** Writes what is needed to know later what was run: every option, versions, data. */
async function writePipeline(
  plan: Plan,
  { splits, measured }: PreparedData,
  engine: Engine,
  precision: Precision,
  folder: string,
): Promise<void> {
  const data = Object.fromEntries(
    Object.entries(splits).map((
      [name, { rows, fingerprint }],
    ) => [name, { rows, fingerprint }]),
  );
  const text = JSON.stringify(
    {
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
    },
    undefined,
    2,
  );
  await writeFileWhole(join(folder, "pipeline.json"), new TextEncoder().encode(text + "\n"));
}
