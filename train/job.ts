import * as tf from "@tensorflow/tfjs";
import type { CapturedFunction } from "../engine/capture/capture.ts";
import type { Precision } from "../engine/capture/precision.ts";
import type { Place } from "../pipeline/errors.ts";
import { deriveSeed } from "../pipeline/random.ts";
import type {
  EpochEvent,
  JobName,
  Metrics,
  Result,
  RunEvents,
  Snapshot,
} from "../pipeline/stages/events.ts";
import type { Position } from "../pipeline/stages/gradient.ts";
import type { Batch } from "../pipeline/stages/batch.ts";
import { captured } from "./captured.ts";
import { evaluate, type EvaluationInput, evaluationStep, type PlannedMetric } from "./evaluate.ts";
import type { Pass } from "./input/batches.ts";
import type { Feed, Input } from "./input/input.ts";
import { Stopwatch } from "./stopwatch.ts";
import { refuseBroken } from "./diagnose.ts";
import { LeakGuard } from "./leaks.ts";
import { changingFactors } from "./objective.ts";
import type { PreparedData, PreparedNets } from "./prepare.ts";
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
  /** Where the pipeline file has its losses, for messages. */
  readonly place: Place | undefined;
  /** Told what a person may want to know, a line at a time. */
  readonly report: (line: string) => void;
  /** Whether a person wants to know how steps are computed. */
  readonly debug: boolean;
}

/** What a job ended with. */
export type JobResult = Pick<Result, "steps" | "seconds" | "input" | "test" | "best">;

/**
 * Trains the nets of a job and measures them after each epoch.
 *
 * @param job What to train on what.
 * @param emit Tells outputs what happens.
 * @returns What came out.
 * @throws {UserError} If a stage fails or the loss is no longer finite.
 */
export async function runJob(job: Job, emit: Emit): Promise<JobResult> {
  const { data: { splits }, nets: { model } } = job;
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const stepsPerEpoch = Math.ceil(splits.train.rows / job.batch);
  const selection = new Selection(job);
  const guard = new LeakGuard();
  const feed = job.input.feed(passesOf(job));
  const training = new Stopwatch(), waiting = new Stopwatch();
  const train = captured(
    "training step",
    job,
    ({ state, input }: TrainInput) => trainStep(model, state, input),
    ({ input }) => rowsOf(input),
    job.precision,
  );
  const evaluated = { ...model, nets: job.nets.nets };
  const measure = captured(
    "evaluation",
    job,
    (input: EvaluationInput) => evaluationStep(evaluated, input),
    ({ batch }) => rowsOf(batch),
  );
  let state = initialState(model, initialValues(model.variables, job.seed));
  let metrics: Record<string, Metrics> = {};
  let step = 0;
  try {
    for (let epoch = 1; epoch <= job.epochs; epoch++) {
      const means = new LossMeans(job);
      training.start();
      for (let batches = 0; batches < stepsPerEpoch; batches++) {
        const batch = await waiting.during(() => feed.next());
        const position = {
          step,
          steps: stepsPerEpoch * job.epochs,
          epoch: step / stepsPerEpoch,
          epochs: job.epochs,
        };
        const rate = job.nets.rate(position);
        step++;
        let losses!: Float32Array;
        await guard.watch(async () => {
          const input = waiting.during(() =>
            stepInput(model.terms, batch, position, rate, job.seed)
          );
          const when = `at step ${step} (epoch ${epoch})`;
          [state, losses] = await advance(job, train, state, input, when);
          return tensorsOf(state);
        });
        means.add(losses, batch.size);
        await emit("step", { job: job.name, epoch, step, rate, ...means.named(losses) });
      }
      training.stop();
      metrics = { train: means.metrics() };
      await emit("evaluation", {
        job: job.name,
        epoch,
        step,
        seconds: seconds(),
        split: "train",
        metrics: metrics.train!,
      });
      for (const name of measuredSplits(job)) {
        const measured = await evaluate(
          evaluated,
          measure,
          state.values,
          evaluationBatches(job, feed, name),
          job.nets.metrics,
        );
        metrics[name] = measured;
        await emit("evaluation", {
          job: job.name,
          epoch,
          step,
          seconds: seconds(),
          split: name,
          metrics: measured,
        });
      }
      const best = selection.consider(epoch, metrics);
      const now = state;
      const event: EpochEvent = {
        job: job.name,
        epoch,
        step,
        seconds: seconds(),
        metrics,
        best,
        snapshot: () => snapshot(job, now),
      };
      await emit("epoch", event);
    }
    return {
      steps: step,
      seconds: seconds(),
      input: { waitingShare: waiting.seconds / training.seconds },
      test: byNet(metrics.test ?? {}),
      best: selection.best(),
    };
  } finally {
    disposeState(state);
    train.dispose();
    measure.dispose();
  }
}

/** What a training step computes with. */
interface TrainInput {
  readonly state: State;
  readonly input: StepInput;
}

/** One step, from a batch to the next state; the batch and the state before it are disposed of. */
async function advance(
  { nets: { model, network }, place }: Job,
  train: CapturedFunction<TrainInput, StepOutput>,
  state: State,
  input: StepInput,
  when: string,
): Promise<[State, Float32Array]> {
  const output = train.call({ state, input });
  const losses = await output.losses.data<"float32">();
  output.losses.dispose();
  await refuseBroken({ model, network, state, input, losses, when, place });
  disposeInput(input);
  disposeState(state, output.state);
  return [output.state, losses];
}

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
export function disposeInput({ features, label, rate, step, seed, factors }: StepInput): void {
  tf.dispose([...Object.values(features), label, rate, step, seed, ...factors]);
}

/** Larger than training batches, as nothing is kept for a backward pass. */
const evaluationRows = 256;

/** What of the data a job reads, in the order in which it does. */
function* passesOf(job: Job): Iterable<Pass> {
  for (let epoch = 1; epoch <= job.epochs; epoch++) {
    yield { split: "train", training: true, epoch, size: job.batch };
    for (const split of measuredSplits(job)) {
      yield { split, training: false, epoch: 0, size: evaluationRows };
    }
  }
}

const measuredSplits = ({ data }: Job) =>
  Object.keys(data.splits).filter((split) => split !== "train");

async function* evaluationBatches(
  { data }: Job,
  feed: Feed,
  split: string,
): AsyncGenerator<Batch> {
  const { rows } = data.splits[split]!;
  for (let start = 0; start < rows; start += evaluationRows) yield await feed.next();
}

/** The means of the losses over an epoch, weighted by rows. */
class LossMeans {
  readonly #names: readonly string[];
  readonly #sums: Float64Array;
  #rows = 0;

  constructor({ nets: { model: { terms } } }: Job) {
    this.#names = terms.map(({ name }) => name);
    this.#sums = new Float64Array(terms.length + 1);
  }

  add(losses: Float32Array, rows: number): void {
    losses.forEach((loss, index) => this.#sums[index]! += loss * rows);
    this.#rows += rows;
  }

  named([loss, ...each]: ArrayLike<number> & Iterable<number>): {
    loss: number;
    losses: Record<string, number>;
  } {
    return {
      loss: loss!,
      losses: Object.fromEntries(this.#names.map((name, index) => [name, each[index]!])),
    };
  }

  metrics(): Metrics {
    const { loss, losses } = this.named(this.#sums.map((sum) => sum / this.#rows));
    return {
      loss,
      ...Object.fromEntries(Object.entries(losses).map(([name, value]) => [`loss/${name}`, value])),
    };
  }
}

/** Keeps the epoch that was best on the validation split, or on the test split without one. */
class Selection {
  readonly #split: string;
  readonly #key: string | undefined;
  readonly #sign: number;
  #best: { epoch: number; value: number; test: Metrics } | undefined;

  constructor({ data: { splits }, nets: { metrics }, select }: Job) {
    this.#split = splits.validation ? "validation" : "test";
    const chosen = metrics.find((metric) => keysOf(metric).includes(select ?? keysOf(metric)[0]!));
    this.#key = chosen && (select ?? keysOf(chosen)[0]);
    this.#sign = chosen?.better === "lower" ? -1 : 1;
  }

  consider(epoch: number, metrics: Readonly<Record<string, Metrics>>): boolean {
    const value = this.#key === undefined ? epoch : metrics[this.#split]?.[this.#key] ?? NaN;
    const better = !this.#best || Number.isNaN(this.#best.value) ||
      this.#sign * value > this.#sign * this.#best.value;
    if (better) this.#best = { epoch, value, test: metrics.test ?? {} };
    return better;
  }

  best(): Result["best"] {
    return {
      epoch: this.#best?.epoch ?? 0,
      split: this.#split,
      metric: this.#key ?? "epoch",
      test: byNet(this.#best?.test ?? {}),
    };
  }
}

function keysOf({ name, per }: PlannedMetric): string[] {
  return per === "net" ? [`light/${name}`, `booster/${name}`] : [name];
}

/** `light/accuracy` becomes `light: { accuracy }`; what belongs to no net comes under `run`. */
function byNet(metrics: Metrics): Record<string, Metrics> {
  const nets: Record<string, Record<string, number>> = {};
  for (const [key, value] of Object.entries(metrics)) {
    const [, net = "run", name = key] = /^(light|booster)\/(.*)$/.exec(key) ?? [];
    (nets[net] ??= {})[name] = value;
  }
  return nets;
}

async function snapshot({ nets: { model } }: Job, { values, slots }: State): Promise<Snapshot> {
  const owners = new Map(model.variables.map(({ name, owner }) => [name, owner]));
  const named = [
    ...Object.entries(values).map(([name, tensor]) => [name, name, tensor] as const),
    ...Object.entries(slots).flatMap(([slot, tensors]) =>
      Object.entries(tensors).map(([name, tensor]) =>
        [`optimizer/${slot}/${name}`, name, tensor] as const
      )
    ),
  ];
  const tensors = new Map();
  for (const [key, name, tensor] of named) {
    tensors.set(key, {
      shape: tensor.shape,
      values: await tensor.data(),
      owner: owners.get(name)!,
    });
  }
  return { tensors };
}
