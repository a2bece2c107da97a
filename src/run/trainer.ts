import type { CapturedFunction } from "../engine/capture/capture.ts";
import { Interruption, UserError } from "../base/errors.ts";
import { metricsToJson } from "../stages/metrics_json.ts";
import { deriveSeed } from "../base/random.ts";
import type { Batch } from "../stages/batch.ts";
import type {
  CheckpointRequest,
  GradientNorms,
  Metrics,
  PhaseResult,
  Snapshot,
} from "../stages/events.ts";
import { type Advanced, Steps, type TrainInput } from "./steps.ts";
import { captured } from "../train/captured.ts";
import type { JobPosition, JobResult, PhaseStart, Rollback } from "./folder/checkpoint_content.ts";
import { namedTensors, restoreState, restoreValues, streamedTensors } from "./state_file.ts";
import { type StoredCheckpoint, USUALLY_KEPT } from "./folder/checkpoints.ts";
import {
  evaluate,
  type EvaluatedModel,
  type EvaluationInput,
  type EvaluationOutput,
  evaluationStep,
} from "../train/evaluate.ts";
import { NonFiniteError } from "../train/diagnose.ts";
import type { Pass } from "../input/batches.ts";
import type { Feed } from "../input/input.ts";
import { batchCount } from "../input/order.ts";
import type { Emit, Job, JobCheckpoints, JobPhase } from "./job.ts";
import { LeakGuard } from "./leaks.ts";
import { LossMeans } from "./loss_means.ts";
import { byNet, Patience, Selection } from "./selection.ts";
import {
  disposeState,
  gradientNorms,
  initialState,
  type State,
  type StepOutput,
  tensorsOf,
  trainStep,
} from "../train/step.ts";
import { disposeInput, stepInput } from "../train/step_input.ts";
import { Stopwatch } from "./stopwatch.ts";
import { evaluationRows } from "../input/prepare_data.ts";
import { rowsOf } from "../train/tensors.ts";
import { initialValues } from "../train/variables.ts";

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
): Promise<JobResult> {
  const training = new Training(job, emit, checkpoints);
  try {
    return await training.run();
  } finally {
    training.dispose();
  }
}

/** What a phase computes with while it runs. */
class PhaseComputing {
  readonly train: CapturedFunction<TrainInput, StepOutput>;
  readonly steps: Steps;
  readonly evaluated: EvaluatedModel;
  readonly measure: CapturedFunction<EvaluationInput, EvaluationOutput>;

  constructor(job: Job, phase: JobPhase, skippedInARow: number) {
    const { model, nets } = phase.nets;
    this.train = captured(
      "training step",
      job,
      ({ state, input }: TrainInput) => trainStep(model, state, input),
      ({ input }) => rowsOf(input),
      job.precision,
    );
    this.steps = new Steps(this.train, { ...phase, ...phase.nets }, skippedInARow);
    this.evaluated = { ...model, nets };
    this.measure = captured(
      "evaluation",
      job,
      (input: EvaluationInput) => evaluationStep(this.evaluated, input),
      ({ batch }) => rowsOf(batch),
    );
  }

  dispose(): void {
    this.train.dispose();
    this.measure.dispose();
  }
}

/** A job while it runs. */
class Training {
  readonly #job: Job;
  readonly #emit: Emit;
  readonly #checkpoints: JobCheckpoints;
  readonly #stepsPerEpoch: number;
  readonly #guard = new LeakGuard();
  #from: StoredCheckpoint | undefined;
  #start!: PhaseStart;
  #phases!: readonly PhaseResult[];
  #gradients!: readonly GradientNorms[];
  #computing: PhaseComputing | undefined;
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
  #rollback: Rollback | undefined;
  #asked: CheckpointRequest | undefined;
  #breathed = performance.now();

  constructor(job: Job, emit: Emit, checkpoints: JobCheckpoints) {
    this.#job = job;
    this.#emit = emit;
    this.#checkpoints = checkpoints;
    this.#from = checkpoints.from;
    this.#stepsPerEpoch = batchCount(job.data.splits.train.rows, job.cut);
  }

  async run(): Promise<JobResult> {
    await this.#begin();
    for (;;) {
      while (!this.#isOver()) {
        try {
          await this.#epoch();
        } catch (error) {
          if (!(error instanceof NonFiniteError)) throw error;
          await this.#goBack(error);
        }
      }
      if (this.#start.phase === this.#job.phases.length - 1) break;
      await this.#nextPhase();
    }
    const { training, waiting } = this.#time;
    const { stopped, test, best } = this.#phaseResult();
    return {
      epochs: this.#epochs,
      ...(stopped && { stopped }),
      steps: this.#step,
      skipped: this.#skipped,
      seconds: this.#seconds(),
      input: { waitingShare: waiting.seconds / training.seconds },
      ...(this.#phase.name !== undefined &&
        { phases: [...this.#phases, this.#phaseResult()] }),
      test,
      best,
      gradients: this.#gradients,
    };
  }

  get #phase(): JobPhase {
    return this.#job.phases[this.#start.phase]!;
  }

  /** Whether the phase is over: not in the middle of an epoch, which a checkpoint may be of. */
  #isOver(): boolean {
    if (this.#batches > 0) return false;
    const epochs = this.#epochs - this.#start.epochs;
    if (epochs >= this.#phase.epochs) return true;
    return this.#isMeasured(this.#epochs) && this.#patience.isOver(this.#epochs);
  }

  /** Whether the nets are measured after an epoch: now and then, and after the phase's last one. */
  #isMeasured(epoch: number): boolean {
    const done = epoch - this.#start.epochs;
    return done % this.#job.evaluateEvery === 0 || done === this.#phase.epochs;
  }

  #phaseResult(): PhaseResult {
    const start = this.#start, { name = "", epochs, nets } = this.#phase;
    const done = this.#epochs - start.epochs;
    return {
      name,
      nets: nets.nets,
      frozen: [...nets.model.frozen ?? []],
      epochs: done,
      ...(done < epochs && { stopped: true }),
      steps: this.#step - start.step,
      skipped: this.#skipped - start.skipped,
      seconds: this.#seconds() - start.seconds,
      test: byNet(this.#metrics.test ?? {}),
      best: this.#selection.best(),
      gradients: this.#gradients,
    };
  }

  dispose(): void {
    if (this.#state) disposeState(this.#state);
    this.#state = undefined;
    this.#computing?.dispose();
    this.#computing = undefined;
  }

  /** Takes up the state and the position of the checkpoint that is gone on from, or those of the start. */
  async #begin(): Promise<void> {
    const { seed, given } = this.#job;
    const position = this.#from?.content.position ?? startAfter(given.steps);
    this.#place(position);
    const { model } = this.#phase.nets;
    this.#state = this.#from
      ? await restoreState(model, this.#from.path)
      : initialState(model, initialValues(model.variables, seed, given.values), given.slots);
    // What cannot go on is refused before anything of the run changes.
    await this.#checkpoints.announce(this.#from);
    this.#gradients = this.#from?.content.gradients ?? await this.#measureGradients();
  }

  /** Takes up a position, without its state. */
  #place(position: JobPosition): void {
    const { data: { splits }, input } = this.#job;
    const { epochs, batches, step, start } = position;
    this.dispose();
    this.#start = start;
    this.#phases = position.phases;
    this.#epochs = epochs;
    this.#batches = batches;
    this.#step = step;
    this.#skipped = position.skipped;
    this.#metrics = position.metrics;
    const { nets, select, stop } = this.#phase;
    this.#means = new LossMeans(nets.model.terms, position.losses);
    this.#selection = new Selection(splits, nets, select, position.best);
    this.#patience = new Patience(splits, nets, stop, position.stop, start.epochs);
    this.#rollback ??= position.rollback;
    this.#started = performance.now() - position.seconds * 1000;
    this.#time = {
      training: new Stopwatch(position.time.training),
      waiting: new Stopwatch(position.time.waiting),
    };
    this.#asked = undefined;
    this.#feed = input.feed(
      this.#passes(epochs + 1, start.epochs + this.#phase.epochs),
      batches,
    );
    this.#computing = new PhaseComputing(this.#job, this.#phase, position.skippedInARow);
  }

  /** Goes on to the next phase, from a file, so that a run that is resumed finds the same. */
  async #nextPhase(): Promise<void> {
    const { phases, seed } = this.#job, { store } = this.#checkpoints;
    const before = this.#phase, best = this.#selection.bestEpoch;
    const next = phases[this.#start.phase + 1]!;
    const last = this.#position();
    const path = await this.#save({ keep: Infinity });
    const from = next.from === "best" ? store.pathOf(bestNameOf(before)) : path;
    this.#place({
      ...last,
      start: {
        phase: this.#start.phase + 1,
        epochs: last.epochs,
        step: last.step,
        skipped: last.skipped,
        seconds: last.seconds,
        optimizerSteps: 0,
      },
      phases: [...last.phases, this.#phaseResult()],
      skippedInARow: 0,
      losses: startPosition.losses,
      best: undefined,
      stop: undefined,
      metrics: {},
    });
    const { model } = next.nets;
    const epoch = next.from === "best" && best ? best.epoch : last.epochs;
    const values = await restoreValues(model.variables, from, epoch * this.#stepsPerEpoch);
    const others = model.variables.filter(({ name }) => !Object.hasOwn(values, name));
    this.#state = initialState(model, { ...values, ...initialValues(others, seed) });
    this.#gradients = await this.#measureGradients();
  }

  /** How strongly each loss pulls at whose variables, on the first batch. */
  async #measureGradients(): Promise<GradientNorms[]> {
    const { model, rate } = this.#phase.nets;
    const position = { step: 0, steps: this.#steps, epoch: 0, epochs: this.#phase.epochs };
    const input = stepInput(
      model,
      this.#job.first,
      position,
      rate(position),
      this.#seed,
      this.#start.optimizerSteps,
    );
    try {
      return await gradientNorms(model, this.#state!, input);
    } finally {
      disposeInput(input);
    }
  }

  /** The phase's steps, if it does not end early. */
  get #steps(): number {
    return this.#stepsPerEpoch * this.#phase.epochs;
  }

  /** What the phase's steps draw their seeds from: no two phases the same. */
  get #seed(): number {
    const { phase } = this.#start, { seed } = this.#job;
    return phase === 0 ? seed : deriveSeed(seed, "phase", phase);
  }

  /**
   * How many steps the optimizer has taken: as in PyTorch, where its state does not move in a step that is skipped, it
   * does not count there either. What is left out after going back counts just as little.
   */
  get #optimizerSteps(): number {
    const { phase, step, skipped, optimizerSteps } = this.#start;
    const { without } = this.#rollback?.phase === phase ? this.#rollback : { without: [] };
    const leftOut = without.filter((step) => step <= this.#step).length;
    return optimizerSteps + this.#step - step - (this.#skipped - skipped) - leftOut;
  }

  /**
   * Goes back to the last checkpoint, or to the start, after a step whose numbers are not finite. From
   * there the rate is half of what it was, and the step's batch is left out.
   */
  async #goBack(error: NonFiniteError): Promise<void> {
    const { name, report } = this.#job, { store } = this.#checkpoints;
    const { nonFinite } = this.#phase;
    const { phase } = this.#start;
    const { times, rate, without } = this.#rollback?.phase === phase
      ? this.#rollback
      : { times: 0, rate: 1, without: [] };
    if (nonFinite !== "back" || times === MOST_TIMES_BACK) {
      const good = await store.lastGood();
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
    this.#rollback = { phase, times: times + 1, rate: rate / 2, without: [...without, step] };
    this.dispose();
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
    const about = { job: this.#job.name, ...this.#phaseName() }, epoch = this.#epochs + 1;
    const { training } = this.#time, { evaluated, measure } = this.#computing!;
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
        ...about,
        epoch,
        step: this.#step,
        seconds: this.#seconds(),
        split,
        metrics: metrics[split]!,
      });
    await tell("train");
    for (const split of this.#measuredSplits(epoch)) {
      metrics[split] = await evaluate(
        evaluated,
        measure,
        this.#state!.values,
        this.#evaluationBatches(split),
        this.#phase.nets.metrics,
      );
      await tell(split);
    }
    const best = this.#isMeasured(epoch) && this.#selection.consider(epoch, metrics);
    this.#patience.watch(epoch, metrics);
    this.#metrics = metrics;
    this.#epochs = epoch;
    this.#batches = 0;
    this.#means = new LossMeans(this.#phase.nets.model.terms);
    const state = this.#state!;
    await this.#emit("epoch", {
      ...about,
      epoch,
      step: this.#step,
      seconds: this.#seconds(),
      metrics,
      best,
      snapshot: () => snapshot(this.#phase, state),
      checkpoint: this.#ask,
    });
    // The next phase may begin with the best weights, whether an output wants them or not.
    const next = this.#job.phases[this.#start.phase + 1];
    if (best && next?.from === "best") this.#ask({ best });
    if (this.#asked) await this.#save(this.#asked);
  }

  async #nextStep(epoch: number): Promise<void> {
    const job = this.#job, { model, rate: rateAt } = this.#phase.nets, { waiting } = this.#time;
    const batch = await waiting.during(() => this.#feed.next());
    const done = this.#step - this.#start.step;
    const position = {
      step: done,
      steps: this.#steps,
      epoch: done / this.#stepsPerEpoch,
      epochs: this.#phase.epochs,
    };
    const { rate: factor = 1, without = [] } = this.#rollback?.phase === this.#start.phase
      ? this.#rollback
      : {};
    const rate = factor * rateAt(position), optimizerSteps = this.#optimizerSteps;
    const step = ++this.#step;
    if (without.includes(step)) {
      this.#batches++;
      return;
    }
    let taken!: Advanced;
    await this.#guard.watch(async () => {
      const input = waiting.during(() =>
        stepInput(model, batch, position, rate, this.#seed, optimizerSteps)
      );
      const when = `at step ${step} (epoch ${epoch})`;
      try {
        taken = await this.#computing!.steps.take(this.#state!, input, when);
        if (step === 1) {
          const { losses: [_total, ...losses], state: { values } } = taken;
          await job.firstStep?.({ terms: model.terms, losses, rows: input, values });
        }
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
      ...this.#phaseName(),
      epoch,
      step,
      rate,
      ...this.#means.named(losses),
      gradientNorm,
      skipped,
      checkpoint: this.#ask,
    });
  }

  /** What of the data the phase reads, in the order in which it does, from one epoch to another. */
  *#passes(first: number, last: number): Iterable<Pass> {
    for (let epoch = first; epoch <= last; epoch++) {
      yield { split: "train", training: true, epoch, ...this.#job.cut };
      for (const split of this.#measuredSplits(epoch)) {
        yield { split, training: false, epoch: 0, ...evaluationCut };
      }
    }
  }

  /** What the nets are measured on after an epoch. */
  #measuredSplits(epoch: number): string[] {
    if (!this.#isMeasured(epoch)) return [];
    return Object.keys(this.#job.data.splits).filter((split) => split !== "train");
  }

  async *#evaluationBatches(split: string): AsyncGenerator<Batch> {
    const { rows } = this.#job.data.splits[split]!;
    for (let batch = 0; batch < batchCount(rows, evaluationCut); batch++) {
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
    const { store, about } = this.#checkpoints, { model } = this.#phase.nets;
    const position = this.#position();
    const owners = model.variables.map(({ name, owner }) => [name, owner]);
    return await store.write({
      content: { ...about, gradients: this.#gradients, position },
      unmeasured: this.#batches === this.#stepsPerEpoch,
      tensors: streamedTensors(model, this.#state!),
      bestNames: [...new Set([bestNameOf(this.#phase), "best"])],
      metadata: {
        job: about.job,
        ...this.#phaseName(),
        epoch: String(position.epochs),
        step: String(position.step),
        metrics: JSON.stringify(metricsToJson(position.metrics)),
        optimizer: model.optimizerStage.name,
        optimizerSteps: String(this.#optimizerSteps),
        owners: JSON.stringify(Object.fromEntries(owners)),
      },
    }, request);
  }

  #position(): JobPosition {
    return {
      start: this.#start,
      phases: this.#phases,
      epochs: this.#epochs,
      batches: this.#batches,
      step: this.#step,
      skipped: this.#skipped,
      skippedInARow: this.#computing!.steps.skippedInARow,
      seconds: this.#seconds(),
      time: { training: this.#time.training.seconds, waiting: this.#time.waiting.seconds },
      losses: this.#means.sums(),
      best: this.#selection.bestEpoch,
      rollback: this.#rollback,
      stop: this.#patience.best,
      metrics: this.#metrics,
    };
  }

  #phaseName(): { readonly phase?: string } {
    const { name } = this.#phase;
    return name === undefined ? {} : { phase: name };
  }

  async #endIfAsked(): Promise<void> {
    const { signal } = this.#checkpoints;
    if (!signal) return;
    await this.#breathe();
    if (!signal.aborted) return;
    const path = await this.#save({});
    throw new Interruption(`stopped after step ${this.#step} of ${this.#job.name}`, path);
  }

  /**
   * Signals are heard between tasks alone, and steps of an engine that never waits are one task. It has to be a timer:
   * a loop that always has something to do looks for what comes from outside once in 61 turns only.
   */
  async #breathe(): Promise<void> {
    if (performance.now() - this.#breathed < BREATH) return;
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    this.#breathed = performance.now();
  }

  #seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }
}

/** The time between two looks for signals, in milliseconds. */
const BREATH = 100;

/** So often a job goes back before it is taken to be hopeless. */
const MOST_TIMES_BACK = 3;

/** Where every job begins. */
const startPosition: JobPosition = {
  start: { phase: 0, epochs: 0, step: 0, skipped: 0, seconds: 0, optimizerSteps: 0 },
  phases: [],
  epochs: 0,
  batches: 0,
  step: 0,
  skipped: 0,
  skippedInARow: 0,
  seconds: 0,
  time: { training: 0, waiting: 0 },
  losses: { rows: 0, total: 0, terms: {} },
  best: undefined,
  metrics: {},
};

/** Where a job begins whose optimizer goes on with that of an earlier run. */
const startAfter = (optimizerSteps: number): JobPosition => ({
  ...startPosition,
  start: { ...startPosition.start, optimizerSteps },
});

/** Larger than training batches, as nothing is kept for a backward pass; every row is measured. */
const evaluationCut = { size: evaluationRows, last: "keep" } as const;

/** The second name of a phase's best checkpoint. */
const bestNameOf = ({ name }: JobPhase) => name === undefined ? "best" : `best-${name}`;

async function snapshot({ nets: { model } }: JobPhase, state: State): Promise<Snapshot> {
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
