import { setImmediate } from "node:timers";
import * as tf from "@tensorflow/tfjs";
import type { CapturedFunction } from "../engine/capture/capture.ts";
import type { Precision } from "../engine/capture/precision.ts";
import { Interruption, type Place, UserError } from "../pipeline/errors.ts";
import type { StopOptions } from "../pipeline/plan.ts";
import { deriveSeed } from "../pipeline/random.ts";
import type {
  CheckpointRequest,
  JobName,
  Metrics,
  RunEvents,
  Snapshot,
} from "../pipeline/stages/events.ts";
import type { Position } from "../pipeline/stages/gradient.ts";
import type { Batch } from "../pipeline/stages/batch.ts";
import { type Advanced, type NonFinite, Steps, type TrainInput } from "./advance.ts";
import { captured } from "./captured.ts";
import type { CheckpointContent, Detour, JobPosition, JobResult } from "./checkpoint/content.ts";
import { namedTensors, restoreState, streamedTensors } from "./checkpoint/state.ts";
import { type CheckpointStore, type StoredCheckpoint, USUALLY_KEPT } from "./checkpoint/store.ts";
import {
  evaluate,
  type EvaluatedModel,
  type EvaluationInput,
  type EvaluationOutput,
  evaluationStep,
} from "./evaluate.ts";
import type { Pass } from "./input/batches.ts";
import type { Feed, Input } from "./input/input.ts";
import { Stopwatch } from "./stopwatch.ts";
import { NonFiniteError } from "./diagnose.ts";
import { LeakGuard } from "./leaks.ts";
import { LossMeans } from "./loss_means.ts";
import { changingFactors } from "./objective.ts";
import type { PreparedData, PreparedNets } from "./prepare.ts";
import { byNet, Patience, Selection } from "./selection.ts";
import {
  disposeState,
  initialState,
  type State,
  type StepInput,
  type StepOutput,
  tensorsOf,
  trainStep,
} from "./step.ts";
import { batchTensors, rowsOf } from "./tensors.ts";
import { initialValues } from "./variables.ts";

/** Tells outputs of an event. */
export type Emit = <Name extends keyof RunEvents>(
  name: Name,
  event: RunEvents[Name],
) => Promise<void>;

/** One training: the rocket, or the light net alone. */
export interface Job {
  /** Which it is. */
  readonly name: JobName;
  /** The run's seed. */
  readonly seed: number;
  /** How often all training rows are seen. */
  readonly epochs: number;
  /** The rows of a step. */
  readonly batch: number;
  /** The rows. */
  readonly data: PreparedData;
  /** Makes batches of them. */
  readonly input: Input;
  /** The nets. */
  readonly nets: PreparedNets;
  /** What training steps compute maps in; evaluations are in float32, as the net ships. */
  readonly precision: Precision;
  /** The metric that chooses the best epoch, if any is measured. */
  readonly select: string | undefined;
  /** What becomes of a step whose losses or gradients are not finite. */
  readonly nonFinite: NonFinite;
  /** How many steps in a row may be skipped. */
  readonly maxSkipped: number;
  /** The last checkpoint whose numbers are all finite, for messages. */
  readonly lastCheckpoint: () => Promise<string | undefined>;
  /** When training ends early. */
  readonly stop: StopOptions | undefined;
  /** Where the pipeline file has its losses, for messages. */
  readonly place: Place | undefined;
  /** Told what a person may want to know, a line at a time. */
  readonly report: (line: string) => void;
  /** Whether a person wants to know how steps are computed. */
  readonly debug: boolean;
}

/** Where a job starts from, and what becomes of its checkpoints. */
export interface JobCheckpoints {
  /** Where they are kept. */
  readonly store: CheckpointStore;
  /** The one that the job goes on from, if any. */
  readonly from: StoredCheckpoint | undefined;
  /** What each of them says beside where the job stands. */
  readonly about: Omit<CheckpointContent, "position">;
  /** Tells outputs that the job starts, or goes on from a checkpoint. */
  readonly announce: (from: StoredCheckpoint | undefined) => Promise<void>;
  /** Asks the job to write a checkpoint after the step and to end. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Trains the nets of a job and measures them after each epoch.
 *
 * @param job What to train on what.
 * @param emit Tells outputs what happens.
 * @param checkpoints Where to start from, and what becomes of checkpoints.
 * @returns What came out.
 * @throws {UserError} If a stage fails, the loss is no longer finite, or a checkpoint cannot be written.
 * @throws {Interruption} If the job was asked to end.
 */
export async function runJob(
  job: Job,
  emit: Emit,
  checkpoints: JobCheckpoints,
): Promise<Omit<JobResult, "gradients">> {
  const training = new Training(job, emit, checkpoints);
  try {
    return await training.run();
  } finally {
    training.dispose();
  }
}

/** A job while it runs. */
class Training {
  readonly #job: Job;
  readonly #emit: Emit;
  readonly #checkpoints: JobCheckpoints;
  readonly #stepsPerEpoch: number;
  readonly #guard = new LeakGuard();
  readonly #train: CapturedFunction<TrainInput, StepOutput>;
  readonly #steps: Steps;
  readonly #evaluated: EvaluatedModel;
  readonly #measure: CapturedFunction<EvaluationInput, EvaluationOutput>;
  #from: StoredCheckpoint | undefined;
  #feed!: Feed;
  #started!: number;
  #time!: { readonly training: Stopwatch; readonly waiting: Stopwatch };
  #state: State | undefined;
  #epochs!: number;
  #batches!: number;
  #step!: number;
  #skipped!: number;
  #means!: LossMeans;
  #selection!: Selection;
  #patience!: Patience;
  #metrics!: Readonly<Record<string, Metrics>>;
  #detour: Detour | undefined;
  #asked: CheckpointRequest | undefined;
  #breathed = performance.now();

  constructor(job: Job, emit: Emit, checkpoints: JobCheckpoints) {
    const { data: { splits }, nets: { model, nets } } = job;
    this.#job = job;
    this.#emit = emit;
    this.#checkpoints = checkpoints;
    this.#from = checkpoints.from;
    this.#stepsPerEpoch = Math.ceil(splits.train.rows / job.batch);
    this.#train = captured(
      "training step",
      job,
      ({ state, input }: TrainInput) => trainStep(model, state, input),
      ({ input }) => rowsOf(input),
      job.precision,
    );
    this.#steps = new Steps(this.#train, { ...job, ...job.nets });
    this.#evaluated = { ...model, nets };
    this.#measure = captured(
      "evaluation",
      job,
      (input: EvaluationInput) => evaluationStep(this.#evaluated, input),
      ({ batch }) => rowsOf(batch),
    );
  }

  async run(): Promise<Omit<JobResult, "gradients">> {
    await this.#begin();
    while (this.#epochs < this.#job.epochs && !this.#isOver()) {
      try {
        await this.#epoch();
      } catch (error) {
        if (!(error instanceof NonFiniteError)) throw error;
        await this.#goBack(error);
      }
    }
    const { training, waiting } = this.#time;
    return {
      epochs: this.#epochs,
      ...(this.#epochs < this.#job.epochs && { stopped: true }),
      steps: this.#step,
      skipped: this.#skipped,
      seconds: this.#seconds(),
      input: { waitingShare: waiting.seconds / training.seconds },
      test: byNet(this.#metrics.test ?? {}),
      best: this.#selection.best(),
    };
  }

  /** Not in the middle of an epoch, which a checkpoint may be of. */
  #isOver(): boolean {
    return this.#batches === 0 && this.#patience.isOver(this.#epochs);
  }

  dispose(): void {
    if (this.#state) disposeState(this.#state);
    this.#train.dispose();
    this.#measure.dispose();
  }

  /** Takes up the state and the position of the checkpoint that is gone on from, or those of the start. */
  async #begin(): Promise<void> {
    const { data: { splits }, nets: { model, metrics, nets }, select, stop, seed, input } =
      this.#job;
    const position = this.#from?.content.position ?? startPosition;
    const { epochs, batches, step } = position;
    this.#epochs = epochs;
    this.#batches = batches;
    this.#step = step;
    this.#skipped = position.skipped;
    this.#metrics = position.metrics;
    this.#means = new LossMeans(model.terms, position.losses);
    this.#selection = new Selection(splits, metrics, select, position.best);
    this.#patience = new Patience(splits, { metrics, nets }, stop, position.stop);
    this.#detour ??= position.detour;
    this.#started = performance.now() - position.seconds * 1000;
    this.#time = {
      training: new Stopwatch(position.time.training),
      waiting: new Stopwatch(position.time.waiting),
    };
    this.#asked = undefined;
    this.#feed = input.feed(passesOf(this.#job, epochs + 1), batches);
    await this.#checkpoints.announce(this.#from);
    this.#state = this.#from
      ? await restoreState(model, this.#from.path)
      : initialState(model, initialValues(model.variables, seed));
  }

  /**
   * Goes back to the last checkpoint, or to the start, after a step whose numbers are not finite. From
   * there the rate is half of what it was, and the step's batch is left out.
   */
  async #goBack(error: NonFiniteError): Promise<void> {
    const { name, nonFinite, report, lastCheckpoint } = this.#job, { store } = this.#checkpoints;
    const { times, rate, without } = this.#detour ?? { times: 0, rate: 1, without: [] };
    if (nonFinite !== "back" || times === MOST_TIMES_BACK) {
      const good = await lastCheckpoint();
      const where = good === undefined ? "" : `; the last good checkpoint is ${good}`;
      const tried = times === 0 ? "" : ` (the run has gone back ${times} times)`;
      throw new UserError(
        error.problems.map((problem) => ({
          ...problem,
          message: `${problem.message}${tried}${where}`,
        })),
        { cause: error },
      );
    }
    const step = this.#step;
    this.#detour = { times: times + 1, rate: rate / 2, without: [...without, step] };
    if (this.#state) disposeState(this.#state);
    this.#state = undefined;
    this.#from = await store.newest(name, report);
    const to = this.#from
      ? `the checkpoint after step ${this.#from.content.position.step}`
      : "the start, as there is no checkpoint";
    report(
      `${error.message}: back to ${to}; from there the rate is × ${rate / 2}, and the batch of ` +
        `step ${step} is left out`,
    );
    await this.#begin();
  }

  /** What is left of the epoch: its steps, and its evaluations. */
  async #epoch(): Promise<void> {
    const { name: job } = this.#job, epoch = this.#epochs + 1;
    const { training } = this.#time;
    while (this.#batches < this.#stepsPerEpoch) {
      await this.#endIfAsked();
      training.start();
      await this.#nextStep(epoch);
      training.stop();
      if (this.#asked) await this.#save(this.#asked);
    }
    await this.#endIfAsked();
    const metrics: Record<string, Metrics> = { train: this.#means.metrics() };
    const tell = (split: string) =>
      this.#emit("evaluation", {
        job,
        epoch,
        step: this.#step,
        seconds: this.#seconds(),
        split,
        metrics: metrics[split]!,
      });
    await tell("train");
    for (const split of measuredSplits(this.#job)) {
      metrics[split] = await evaluate(
        this.#evaluated,
        this.#measure,
        this.#state!.values,
        this.#evaluationBatches(split),
        this.#job.nets.metrics,
      );
      await tell(split);
    }
    const best = this.#selection.consider(epoch, metrics);
    this.#patience.watch(epoch, metrics);
    this.#metrics = metrics;
    this.#epochs = epoch;
    this.#batches = 0;
    this.#means = new LossMeans(this.#job.nets.model.terms);
    const state = this.#state!;
    await this.#emit("epoch", {
      job,
      epoch,
      step: this.#step,
      seconds: this.#seconds(),
      metrics,
      best,
      snapshot: () => snapshot(this.#job, state),
      checkpoint: this.#ask,
    });
    if (this.#asked) await this.#save(this.#asked);
  }

  async #nextStep(epoch: number): Promise<void> {
    const job = this.#job, { model, rate: rateAt } = job.nets, { waiting } = this.#time;
    const batch = await waiting.during(() => this.#feed.next());
    const position = {
      step: this.#step,
      steps: this.#stepsPerEpoch * job.epochs,
      epoch: this.#step / this.#stepsPerEpoch,
      epochs: job.epochs,
    };
    const { rate: factor = 1, without = [] } = this.#detour ?? {};
    const rate = factor * rateAt(position);
    const step = ++this.#step;
    if (without.includes(step)) {
      this.#batches++;
      return;
    }
    let taken!: Advanced;
    await this.#guard.watch(async () => {
      const input = waiting.during(() => stepInput(model.terms, batch, position, rate, job.seed));
      const when = `at step ${step} (epoch ${epoch})`;
      try {
        taken = await this.#steps.take(this.#state!, input, when);
      } finally {
        disposeInput(input);
      }
      this.#state = taken.state;
      return tensorsOf(this.#state);
    });
    this.#batches++;
    const { losses, gradientNorm, skipped } = taken;
    if (skipped) this.#skipped++;
    else this.#means.add(losses, batch.size);
    await this.#emit("step", {
      job: job.name,
      epoch,
      step,
      rate,
      ...this.#means.named(losses),
      gradientNorm,
      skipped,
      checkpoint: this.#ask,
    });
  }

  async *#evaluationBatches(split: string): AsyncGenerator<Batch> {
    const { rows } = this.#job.data.splits[split]!;
    for (let start = 0; start < rows; start += evaluationRows) {
      await this.#endIfAsked();
      yield await this.#feed.next();
    }
  }

  /** Notes that an output wants a checkpoint; several at once are one that suits all. */
  readonly #ask = (request: CheckpointRequest = {}): void => {
    const { keep = USUALLY_KEPT, forever = false, best = false } = request;
    const before = this.#asked;
    this.#asked = {
      keep: Math.max(keep, before?.keep ?? 0),
      forever: forever || (before?.forever ?? false),
      best: best || (before?.best ?? false),
    };
  };

  async #save(request: CheckpointRequest): Promise<string> {
    this.#asked = undefined;
    const { store, about } = this.#checkpoints, { model } = this.#job.nets;
    const position = this.#position();
    const owners = model.variables.map(({ name, owner }) => [name, owner]);
    return await store.write({
      content: { ...about, position },
      unmeasured: this.#batches === this.#stepsPerEpoch,
      tensors: streamedTensors(model, this.#state!),
      metadata: {
        job: about.job,
        epoch: String(position.epochs),
        step: String(position.step),
        metrics: JSON.stringify(position.metrics),
        owners: JSON.stringify(Object.fromEntries(owners)),
      },
    }, request);
  }

  #position(): JobPosition {
    return {
      epochs: this.#epochs,
      batches: this.#batches,
      step: this.#step,
      skipped: this.#skipped,
      seconds: this.#seconds(),
      time: { training: this.#time.training.seconds, waiting: this.#time.waiting.seconds },
      losses: this.#means.sums(),
      best: this.#selection.bestEpoch,
      detour: this.#detour,
      stop: this.#patience.best,
      metrics: this.#metrics,
    };
  }

  async #endIfAsked(): Promise<void> {
    const { signal } = this.#checkpoints;
    if (!signal) return;
    await this.#breathe();
    if (!signal.aborted) return;
    const path = await this.#save({});
    throw new Interruption(`stopped after step ${this.#step} of ${this.#job.name}`, path);
  }

  /** Signals are heard between tasks alone, and steps of an engine that never waits are one task. */
  async #breathe(): Promise<void> {
    if (performance.now() - this.#breathed < BREATH) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#breathed = performance.now();
  }

  #seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }
}

/** The time between two looks for signals, in milliseconds. */
const BREATH = 20;

/** So often a job goes back before it is taken to be hopeless. */
const MOST_TIMES_BACK = 3;

/** Where every job begins. */
const startPosition: JobPosition = {
  epochs: 0,
  batches: 0,
  step: 0,
  skipped: 0,
  seconds: 0,
  time: { training: 0, waiting: 0 },
  losses: { rows: 0, total: 0, terms: {} },
  best: undefined,
  metrics: {},
};

/**
 * A batch and all else that changes from step to step, as tensors.
 *
 * @param terms The loss terms, for factors that change.
 * @param batch The rows.
 * @param position Where the run is.
 * @param rate The learning rate.
 * @param seed The run's seed.
 * @returns The tensors, which the caller disposes of.
 */
export function stepInput(
  terms: PreparedNets["model"]["terms"],
  batch: Batch,
  position: Position,
  rate: number,
  seed: number,
): StepInput {
  return {
    ...batchTensors(batch),
    rate: tf.scalar(rate),
    step: tf.scalar(position.step + 1),
    seed: tf.scalar(deriveSeed(seed, "step", position.step) >>> 2, "int32"),
    factors: changingFactors(terms).map((factor) => tf.scalar(factor(position))),
  };
}

/**
 * Disposes of what {@linkcode stepInput} made.
 *
 * @param input The tensors.
 */
export function disposeInput({ rate, step, seed, factors, ...batch }: StepInput): void {
  tf.dispose([...rowsOf(batch), rate, step, seed, ...factors]);
}

/** Larger than training batches, as nothing is kept for a backward pass. */
const evaluationRows = 256;

/** What of the data a job reads, in the order in which it does. */
function* passesOf(job: Job, first: number): Iterable<Pass> {
  for (let epoch = first; epoch <= job.epochs; epoch++) {
    yield { split: "train", training: true, epoch, size: job.batch };
    for (const split of measuredSplits(job)) {
      yield { split, training: false, epoch: 0, size: evaluationRows };
    }
  }
}

const measuredSplits = ({ data }: Job) =>
  Object.keys(data.splits).filter((split) => split !== "train");

async function snapshot({ nets: { model } }: Job, state: State): Promise<Snapshot> {
  const tensors = new Map();
  for (const { name, variable, tensor } of namedTensors(model, state)) {
    tensors.set(name, {
      shape: tensor.shape,
      values: await tensor.data(),
      owner: variable.owner,
    });
  }
  return { tensors };
}
