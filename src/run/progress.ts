import { UserError } from "../base/errors.ts";
import { deriveSeed } from "../base/random.ts";
import { stepsOf } from "../input/batches.ts";
import type { GradientNorms, Metrics, PhaseResult } from "../stages/events.ts";
import type { Position } from "../stages/gradient.ts";
import type { BestEpoch, JobPosition, PhaseStart, Rollback } from "./folder/checkpoint_content.ts";
import type { Job, JobPhase } from "./job.ts";
import { LossMeans } from "./loss_means.ts";
import {
  byNet,
  decidingSplit,
  measuredSoFar,
  type MetricHistory,
  Patience,
  Selection,
  withEvaluation,
} from "./selection.ts";
import { Stopwatch } from "./stopwatch.ts";

/**
 * The progress of a job in one of its phases. A checkpoint stores it in addition to the tensors.
 * The training loop advances it by steps and epochs.
 */
export class Progress {
  /** The phase, and where it began. */
  readonly phase: JobPhase;
  readonly start: PhaseStart;
  /** The results of the previous phases. */
  readonly phases: readonly PhaseResult[];
  /** The last rollback after non-finite losses or gradients, in this phase or a previous one. */
  readonly rollback: Rollback | undefined;
  readonly stepsPerEpoch: number;
  readonly selection: Selection;
  readonly patience: Patience;
  readonly time: { readonly training: Stopwatch; readonly waiting: Stopwatch };
  /** The number of rows of all completed steps. */
  trainedRows: number;
  /** The number of completed epochs, over all phases. */
  epochs: number;
  /** The number of completed batches in the current epoch. */
  batches: number;
  /** The number of completed steps, over all phases. */
  step: number;
  /** The number of skipped steps, over all phases. */
  skipped: number;
  /** The mean losses of the current epoch. */
  means: LossMeans;
  /** The latest metrics of each split. */
  metrics: Readonly<Record<string, Metrics>>;
  /** The metrics of the evaluations of the phase so far. */
  #evaluations: MetricHistory;
  readonly #job: Job;
  readonly #started: number;

  /**
   * Continues from a position.
   *
   * @param job The job.
   * @param position The job's position between two steps.
   * @param rollback The last rollback; by default the one in the position.
   */
  constructor(job: Job, position: JobPosition, rollback = position.rollback) {
    this.#job = job;
    this.start = position.start;
    this.phase = job.phases[position.start.phase]!;
    this.phases = position.phases;
    this.rollback = rollback;
    this.stepsPerEpoch = stepsOf(job.data.splits.train, job.cut);
    const { splits } = job.data, { nets, select, stop } = this.phase;
    this.selection = new Selection(splits, nets, select, position.best);
    this.patience = new Patience(splits, nets, stop, position.stop, position.start.epochs);
    this.time = {
      training: new Stopwatch(position.time.training),
      waiting: new Stopwatch(position.time.waiting),
    };
    this.trainedRows = position.time.rows;
    this.epochs = position.epochs;
    this.batches = position.batches;
    this.step = position.step;
    this.skipped = position.skipped;
    this.means = new LossMeans(nets.model.terms, position.losses);
    this.metrics = position.metrics;
    this.#evaluations = position.evaluations;
    this.#refuseUnreachable();
    this.#started = performance.now() - position.seconds * 1000;
  }

  /** Rejects a position that the job cannot reach, because its checkpoint was changed. */
  #refuseUnreachable(): void {
    const { stepsPerEpoch, batches } = this, { epochs, step } = this.start;
    const phases = this.phases.every((phase) => phase.steps === phase.epochs * stepsPerEpoch);
    const steps = (this.epochs - epochs) * stepsPerEpoch + batches;
    if (!phases || batches > stepsPerEpoch || this.step - step !== steps) {
      throw changed(`its numbers of epochs and steps contradict ${stepsPerEpoch} steps per epoch`);
    }
    const { better } = measuredSoFar(this.phase.nets, this.phase.select);
    const measured = this.metrics[decidingSplit(this.#job.data.splits)] ?? {};
    const missing = Object.keys(better).find((key) =>
      Object.hasOwn(measured, key) && !Object.hasOwn(this.#evaluations, key)
    );
    if (missing !== undefined) throw changed(`it has no earlier values of the metric ${missing}`);
    if (!this.selection.isBestOf(this.#evaluations)) {
      throw changed("its best epoch is not the best one of its evaluations");
    }
  }

  /** Seconds of training so far, evaluation included. */
  get seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  /** The number of steps in the phase, if it does not end early. */
  get steps(): number {
    return this.stepsPerEpoch * this.phase.epochs;
  }

  /** The seed from which the seeds of the phase's steps are derived. Each phase has its own. */
  get seed(): number {
    const { phase } = this.start, { seed } = this.#job;
    return phase === 0 ? seed : deriveSeed(seed, "phase", phase);
  }

  /** The position of the next step within the phase, which schedules count by. */
  get inPhase(): Position {
    const step = this.step - this.start.step;
    return {
      step,
      steps: this.steps,
      epoch: step / this.stepsPerEpoch,
      epochs: this.phase.epochs,
      measured: measuredSoFar(this.phase.nets, this.phase.select, this.#evaluations),
    };
  }

  /** The rollback, if it happened in this phase. */
  get rollbackOfPhase(): Rollback | undefined {
    return this.rollback?.phase === this.start.phase ? this.rollback : undefined;
  }

  /**
   * The number of steps that the optimizer has taken. As in PyTorch, a skipped step does not count,
   * because it does not change the optimizer's state. Batches that a rollback skips do not count
   * either.
   */
  get optimizerSteps(): number {
    const { step, skipped, optimizerSteps } = this.start;
    const leftOut = (this.rollbackOfPhase?.without ?? []).filter((one) => one <= this.step).length;
    return optimizerSteps + this.step - step - (this.skipped - skipped) - leftOut;
  }

  /** Whether the phase is complete. In the middle of an epoch it never is. */
  isOver(): boolean {
    if (this.batches > 0) return false;
    if (this.epochs - this.start.epochs >= this.phase.epochs) return true;
    return this.#isMeasured(this.epochs) && this.patience.isOver(this.epochs);
  }

  /** The splits on which the nets are evaluated after an epoch. */
  measuredSplits(epoch: number): string[] {
    if (!this.#isMeasured(epoch)) return [];
    return Object.keys(this.#job.data.splits).filter((split) => split !== "train");
  }

  /**
   * Whether the nets are evaluated after an epoch: after every `evaluateEvery` epochs, and after
   * the last epoch of the phase.
   */
  #isMeasured(epoch: number): boolean {
    const done = epoch - this.start.epochs;
    return done % this.#job.evaluateEvery === 0 || done === this.phase.epochs;
  }

  /**
   * Ends an epoch.
   *
   * @param metrics The metrics of the epoch, by split.
   * @returns Whether the epoch is the best so far.
   */
  endEpoch(metrics: Readonly<Record<string, Metrics>>): boolean {
    const epoch = this.epochs + 1;
    const best = this.#isMeasured(epoch) && this.selection.consider(epoch, metrics);
    this.patience.watch(epoch, metrics);
    if (this.#isMeasured(epoch)) {
      const { better } = measuredSoFar(this.phase.nets, this.phase.select);
      const evaluation = metrics[decidingSplit(this.#job.data.splits)];
      this.#evaluations = withEvaluation(this.#evaluations, Object.keys(better), evaluation);
    }
    this.metrics = metrics;
    this.epochs = epoch;
    this.batches = 0;
    this.means = new LossMeans(this.phase.nets.model.terms);
    return best;
  }

  /** The best epoch of the phase so far. */
  get bestEpoch(): BestEpoch | undefined {
    return this.selection.bestEpoch;
  }

  /**
   * Returns the position for a checkpoint.
   *
   * @param skippedInARow The number of steps that were skipped in a row just before.
   */
  position(skippedInARow: number): JobPosition {
    return {
      start: this.start,
      phases: this.phases,
      epochs: this.epochs,
      batches: this.batches,
      step: this.step,
      skipped: this.skipped,
      skippedInARow,
      seconds: this.seconds,
      time: {
        training: this.time.training.seconds,
        waiting: this.time.waiting.seconds,
        rows: this.trainedRows,
      },
      losses: this.means.sums(),
      best: this.bestEpoch,
      rollback: this.rollback,
      stop: this.patience.best,
      evaluations: this.#evaluations,
      metrics: this.metrics,
    };
  }

  /**
   * Returns the position at the start of the next phase.
   *
   * @param gradients The gradient norms of this phase's first batch.
   */
  nextPhase(gradients: readonly GradientNorms[]): JobPosition {
    const last = this.position(0);
    const { epochs, step, skipped, seconds } = last;
    const phase = this.start.phase + 1;
    return {
      ...last,
      start: { phase, epochs, step, skipped, seconds, optimizerSteps: 0 },
      phases: [...this.phases, this.result(gradients)],
      losses: noPosition.losses,
      best: undefined,
      stop: undefined,
      evaluations: {},
      metrics: {},
    };
  }

  /**
   * Returns the phase's result so far.
   *
   * @param gradients The gradient norms of the phase's first batch.
   */
  result(gradients: readonly GradientNorms[]): PhaseResult {
    const { name = "", epochs, nets } = this.phase;
    const done = this.epochs - this.start.epochs;
    return {
      name,
      nets: nets.nets,
      frozen: [...nets.model.frozen ?? []],
      epochs: done,
      ...(done < epochs && { stopped: true }),
      steps: this.step - this.start.step,
      skipped: this.skipped - this.start.skipped,
      seconds: this.seconds - this.start.seconds,
      test: byNet(this.metrics.test ?? {}),
      best: this.selection.best(),
      gradients,
    };
  }
}

const changed = (why: string) => new UserError(`the checkpoint was changed: ${why}`);

/** The position of a job that has not started. */
const noPosition: JobPosition = {
  start: { phase: 0, epochs: 0, step: 0, skipped: 0, seconds: 0, optimizerSteps: 0 },
  phases: [],
  epochs: 0,
  batches: 0,
  step: 0,
  skipped: 0,
  skippedInARow: 0,
  seconds: 0,
  time: { training: 0, waiting: 0, rows: 0 },
  losses: { rows: 0, total: 0, terms: {}, gradientNorm: 0, learningRate: 0 },
  best: undefined,
  evaluations: {},
  metrics: {},
};

/**
 * Returns the position of a job before its first step.
 *
 * @param optimizerSteps The number of steps that the optimizer took in the run that the initial
 *   weights come from; 0 if the optimizer starts from scratch.
 */
export function startPosition(optimizerSteps: number): JobPosition {
  return { ...noPosition, start: { ...noPosition.start, optimizerSteps } };
}
