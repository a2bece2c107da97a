import type * as tf from "@tensorflow/tfjs";
import { shardsOf } from "../engine/sharded_tables.ts";
import { rowCount } from "../engine/tables.ts";
import type { CapturedFunction } from "../engine/capture/capture.ts";
import { Interruption, UserError } from "../base/errors.ts";
import { metricsToJson } from "../stages/metrics_json.ts";
import type { Batch } from "../stages/batch.ts";
import type {
  CheckpointRequest,
  EvaluationEvent,
  GradientNorms,
  Metrics,
  Snapshot,
} from "../stages/events.ts";
import { type StepResult, Steps, type TrainInput } from "./steps.ts";
import { captured } from "../train/captured.ts";
import { CheckpointRequests } from "./checkpoint_requests.ts";
import type { JobResult, Rollback } from "./folder/checkpoint_content.ts";
import {
  namedTensors,
  restoreState,
  restoreValues,
  shardedTensors,
  streamedTensors,
} from "./state_file.ts";
import { ShardedRows } from "./sharded_rows.ts";
import type { ClusterRun } from "./cluster_run.ts";
import type { StoredCheckpoint } from "./folder/checkpoints.ts";
import type { EvaluatedBatch } from "../stages/metric.ts";
import {
  evaluateBatch,
  type EvaluatedModel,
  type EvaluationInput,
  type EvaluationOutput,
  evaluationStep,
  lossWeightsOf,
  type MeasuredSplit,
  Measures,
  measureSplit,
} from "../train/evaluate.ts";
import { divergedHint, NonFiniteError } from "../train/diagnose.ts";
import { readingOwnBatch } from "../engine/cluster/synchronization.ts";
import { type Pass, passBatches } from "../input/batches.ts";
import type { Feed } from "../input/input.ts";
import type { Emit, Job, JobCheckpoints, JobPhase } from "./job.ts";
import { LeakGuard } from "./leaks.ts";
import type { StepWeights } from "./loss_means.ts";
import { Progress, startPosition } from "./progress.ts";
import {
  disposeState,
  gradientNorms,
  initialState,
  type Model,
  type State,
  type StepOutput,
  tensorsOf,
  trainStep,
} from "../train/step.ts";
import {
  type BatchPart,
  type PartInput,
  partsOfBatch,
  partStep,
  StepInParts,
  type UpdateInput,
  updateStep,
} from "../train/parts.ts";
import { batchRange } from "../input/order.ts";
import { maskedLabels, weightedRows, weightOfRows } from "../stages/row_weights.ts";
import { disposeInput, stepInput } from "../train/step_input.ts";
import { evaluationRows } from "../input/prepare_data.ts";
import { rowsOf } from "../train/tensors.ts";
import { storedTogether } from "../train/table_groups.ts";
import { initialValues } from "../train/variables.ts";

/**
 * Trains the nets of a job and evaluates them after each epoch.
 *
 * @param job The nets, their phases, and the data.
 * @param emit Sends events to the outputs.
 * @param checkpoints The checkpoint to continue from, if any, and the store for new ones.
 * @returns The job's result.
 * @throws {UserError} If a stage fails, the loss is not finite, or a checkpoint cannot be written.
 * @throws {Interruption} If the job's signal is aborted.
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

/** Computes the nets for a batch, without gradients. */
type Evaluation = Pick<CapturedFunction<EvaluationInput, EvaluationOutput>, "call" | "dispose">;

/**
 * A phase while it runs: its progress, its state, its batches, and the functions that compute its
 * steps.
 */
class RunningPhase {
  readonly progress: Progress;
  /** The gradient norms of each loss on the first batch. */
  readonly gradients: readonly GradientNorms[];
  readonly feed: Feed;
  readonly steps: Steps;
  readonly evaluated: EvaluatedModel;
  readonly measure: Evaluation;
  /** With sharded tables, evaluates a batch in each process. */
  readonly measureOwn: Evaluation | undefined;
  state: State;
  readonly #train: Pick<CapturedFunction<TrainInput, StepOutput>, "call" | "dispose">;

  constructor(
    job: Job,
    { progress, state, gradients, skippedInARow }: {
      readonly progress: Progress;
      readonly state: State;
      readonly gradients: readonly GradientNorms[];
      readonly skippedInARow: number;
    },
  ) {
    const { phase, epochs, batches, start } = progress, { model, nets } = phase.nets;
    this.progress = progress;
    this.state = state;
    this.gradients = gradients;
    this.feed = job.input.feed(
      passes(job, progress, epochs + 1, start.epochs + phase.epochs),
      batches,
    );
    const { cluster } = job, sum = cluster?.sum;
    // XLA compiles neither tables that a step writes in place, nor exchanges between processes. Then,
    // TensorFlow chooses the parts of the graph that XLA compiles.
    const isWhole = !cluster && (model.tables === "exact" || !hasTables(model));
    const how = { precision: job.precision, xla: job.xla && isWhole };
    const together = <Input extends object, Output extends object>(
      step: CapturedFunction<Input, Output>,
    ) => cluster?.together(step) ?? step;
    this.#train = isInParts(job)
      ? new StepInParts({
        part: captured(
          "training step",
          job,
          (input: PartInput) => partStep(model, input, sum),
          ({ input }) => rowsOf(input),
          how,
        ),
        update: together(captured(
          "update",
          job,
          (input: UpdateInput) => updateStep(model, input, sum),
          () => [],
        )),
      })
      : together(captured(
        "training step",
        job,
        ({ state, input }: TrainInput) => trainStep(model, state, input, sum),
        ({ input }) => rowsOf(input),
        how,
      ));
    this.steps = new Steps(this.#train, { ...phase, ...phase.nets }, skippedInARow);
    this.evaluated = { ...model, nets };
    const measure = captured(
      "evaluation",
      job,
      (input: EvaluationInput) => evaluationStep(this.evaluated, input),
      ({ batch }) => rowsOf(batch),
    );
    if (!cluster || !model.shards) {
      this.measure = measure;
      return;
    }
    const rowCount = ({ batch }: EvaluationInput) => batch.label.shape[0]!;
    this.measure = cluster.together(measure, rowCount);
    const own = captured(
      "evaluation of a batch of each process",
      job,
      (input: EvaluationInput) => readingOwnBatch(() => evaluationStep(this.evaluated, input)),
      ({ batch }) => rowsOf(batch),
    );
    this.measureOwn = cluster.together(own, rowCount);
  }

  dispose(): void {
    disposeState(this.state);
    this.#train.dispose();
    this.measure.dispose();
    this.measureOwn?.dispose();
  }
}

const hasTables = ({ variables }: Model) => variables.some(({ table }) => table);

/** Checks whether a process computes its rows of a batch in several parts. */
function isInParts({ part, cut, cluster }: Job): boolean {
  return part < Math.ceil(cut.size / (cluster?.size ?? 1));
}

/**
 * Checks whether a process of a cluster can make its rows of a batch without the others. It cannot
 * if random transforms draw numbers for the whole batch, if rows count differently, because their
 * share of the batch then depends on the other rows, if losses compare values of a column, or if
 * batches of any size keep groups together.
 */
function readsOwnRows({ cluster, data, first }: Job, { phase }: Progress): boolean {
  if (!cluster) return false;
  const { rowWeights, terms } = phase.nets.model;
  return !data.splits.train.groups && data.transforms.planned.every(({ on }) => on === "all") &&
    terms.every(({ columns = [] }) => columns.length === 0) &&
    first.weight === undefined && rowWeights === undefined && maskedLabels(terms).length === 0;
}

/**
 * Yields the passes over the data that a phase makes from its first to its last epoch, in order.
 */
function* passes(job: Job, progress: Progress, first: number, last: number): Iterable<Pass> {
  for (let epoch = first; epoch <= last; epoch++) {
    const part = readsOwnRows(job, progress) ? job.cluster?.part : undefined;
    yield { split: "train", training: true, epoch, ...job.cut, part };
    // With sharded tables, each process also makes the batches of the others: the last ones may be
    // too few, or too short, for each process to compute one.
    const every = progress.phase.nets.model.shards ? undefined : job.cluster?.part;
    for (const split of progress.measuredSplits(epoch)) {
      yield { split, training: false, epoch: 0, ...evaluationCut, every };
    }
  }
}

/** A job while it runs. */
class Training {
  readonly #job: Job;
  readonly #emit: Emit;
  readonly #checkpoints: JobCheckpoints;
  readonly #guard = new LeakGuard();
  readonly #requests = new CheckpointRequests();
  #running: RunningPhase | undefined;
  #breathed = performance.now();
  /** Whether a process of the cluster has been asked to stop, as all processes know it. */
  #stops = false;

  constructor(job: Job, emit: Emit, checkpoints: JobCheckpoints) {
    this.#job = job;
    this.#emit = emit;
    this.#checkpoints = checkpoints;
  }

  async run(): Promise<JobResult> {
    let running = await this.#begin(this.#checkpoints.from);
    for (;;) {
      while (!running.progress.isOver()) {
        try {
          await this.#epoch(running);
        } catch (error) {
          if (!(error instanceof NonFiniteError)) throw error;
          running = await this.#rollBack(running, error);
        }
      }
      if (running.progress.start.phase === this.#job.phases.length - 1) break;
      running = await this.#nextPhase(running);
    }
    const { progress, gradients } = running, { training, waiting } = progress.time;
    const result = progress.result(gradients);
    const { stopped, test, best } = result;
    return {
      epochs: progress.epochs,
      ...(stopped && { stopped }),
      steps: progress.step,
      skipped: progress.skipped,
      seconds: progress.seconds,
      input: {
        rowsPerSecond: progress.trainedRows / training.seconds,
        waitingShare: waiting.seconds / training.seconds,
      },
      ...(progress.phase.name !== undefined && { phases: [...progress.phases, result] }),
      test,
      best,
      gradients,
    };
  }

  dispose(): void {
    this.#running?.dispose();
    this.#running = undefined;
  }

  /** Starts from a checkpoint, or from scratch. */
  async #begin(from: StoredCheckpoint | undefined, rollback?: Rollback): Promise<RunningPhase> {
    const { seed, given, cluster } = this.#job;
    const position = from?.content.position ?? startPosition(given.steps);
    const { phase } = position.start, { phases } = this.#job;
    if (phase >= phases.length) {
      throw new UserError(
        `the checkpoint is of phase ${phase + 1}, but the pipeline has only ${phases.length}`,
      );
    }
    const progress = new Progress(this.#job, position, rollback);
    const { model } = progress.phase.nets;
    // Each process reads the rows of sharded tables that it holds.
    const isRead = from !== undefined && (!cluster || cluster.isFirst || model.shards);
    const state = isRead
      ? await restoreState(model, from.path, this.#told(progress))
      : initialState(
        model,
        initialValues(model.variables, seed, given.values, storedTogether(model), model.shards),
        given.slots,
      );
    return await this.#open(progress, state, async () => {
      // The state was restored without an error, so the run folder may change from here on.
      await this.#checkpoints.announce(from);
      return from?.content.gradients;
    }, position.skippedInARow);
  }

  /** Starts the next phase from a file, so that a resumed run starts from the same state. */
  async #nextPhase(running: RunningPhase): Promise<RunningPhase> {
    const { phases, seed, cluster } = this.#job, { store } = this.#checkpoints;
    const { progress } = running;
    const best = progress.bestEpoch, next = phases[progress.start.phase + 1]!;
    const path = await this.#save(running, { keep: Infinity });
    const own = async () =>
      next.from === "best" ? await store.intact(bestNameOf(progress.phase)) : path;
    const from = await (cluster?.ofFirst(own, "first weights") ?? own());
    const position = progress.nextPhase(running.gradients);
    this.dispose();
    const { model } = next.nets;
    const epoch = next.from === "best" && best ? best.epoch : position.epochs;
    const step = epoch * progress.stepsPerEpoch, { shards } = model;
    const values = !cluster || cluster.isFirst || shards
      ? await restoreValues(model.variables, from, step, shards)
      : {};
    const others = model.variables.filter(({ name }) => !Object.hasOwn(values, name));
    const first = initialValues(others, seed, undefined, undefined, shards);
    const state = initialState(model, { ...values, ...first });
    return await this.#open(new Progress(this.#job, position), state);
  }

  /**
   * Opens a phase with its state. If that fails, the state is disposed of. In a cluster, the state of
   * the first process replaces the others'.
   *
   * @param prepare Runs first, and may return known gradient norms of the first batch.
   */
  async #open(
    progress: Progress,
    own: State,
    prepare?: () => Promise<readonly GradientNorms[] | undefined>,
    skippedInARow = 0,
  ): Promise<RunningPhase> {
    const { cluster } = this.#job;
    const state = cluster?.stateOfFirst(own) ?? own;
    try {
      reportShards(this.#job, progress.phase.nets.model, state);
      const known = await prepare?.();
      const measure = async () => known ?? await this.#measureGradients(progress, state);
      // With sharded tables, all processes take part.
      const own = progress.phase.nets.model.shards ? await measure() : undefined;
      const first = () => own ?? measure();
      const gradients = await (cluster?.ofFirst(first, "gradients") ?? first());
      this.#running = new RunningPhase(this.#job, { progress, state, gradients, skippedInARow });
    } catch (error) {
      disposeState(state);
      throw error;
    }
    return this.#running;
  }

  /** Measures the gradient norms of each loss, by owner of the variables, on the first batch. */
  async #measureGradients(progress: Progress, state: State): Promise<GradientNorms[]> {
    const { model, learningRate } = progress.phase.nets;
    const position = { ...progress.inPhase, step: 0, epoch: 0 };
    const input = stepInput(
      model,
      this.#job.first,
      position,
      learningRate(position),
      progress.seed,
      progress.start.optimizerSteps,
    );
    try {
      return await gradientNorms(model, state, input);
    } finally {
      disposeInput(input);
    }
  }

  /** Returns the error of a run that ends because its numbers are not finite. */
  async #withoutRollback(error: NonFiniteError, tried = ""): Promise<UserError> {
    const good = await this.#checkpoints.store.lastGood();
    const where = good === undefined ? "" : `; the last good checkpoint is ${good}`;
    return new UserError(
      error.problems.map((problem) => ({
        ...problem,
        message: `${problem.message}${tried}${where}`,
      })),
      { cause: error },
    );
  }

  /**
   * Returns to the last checkpoint, or to the start, after a step with non-finite losses or
   * gradients. From there, the learning rate is halved and the batch of that step is skipped.
   */
  async #rollBack({ progress }: RunningPhase, error: NonFiniteError): Promise<RunningPhase> {
    const { name, report, cluster } = this.#job, { store } = this.#checkpoints;
    const { phase: { nonFinite }, start: { phase }, step } = progress;
    const { times, factor, without } = progress.rollbackOfPhase ??
      { times: 0, factor: 1, without: [] };
    if (nonFinite !== "back" || times === MAX_ROLLBACKS) {
      throw await this.#withoutRollback(error, times === 0 ? "" : ` (after ${times} rollbacks)`);
    }
    this.dispose();
    this.#requests.take();
    const newest = () => store.newest(name, report);
    const from = await (cluster?.ofFirst(newest, "rollback") ?? newest());
    const to = from
      ? `the checkpoint after step ${from.content.position.step}`
      : "the start, because there is no checkpoint";
    report(
      `${error.message}: training goes back to ${to}; from there, the learning rate is multiplied ` +
        `by ${factor / 2}, and the batch of step ${step} is skipped`,
    );
    return await this.#begin(from, {
      phase,
      times: times + 1,
      factor: factor / 2,
      without: [...without, step],
    });
  }

  /** Completes the current epoch: its remaining steps and its evaluations. */
  async #epoch(running: RunningPhase): Promise<void> {
    const { progress } = running;
    const { training } = progress.time, { model } = progress.phase.nets;
    const epoch = progress.epochs + 1;
    const about = { job: this.#job.name, ...nameOf(progress.phase), epoch };
    while (progress.batches < progress.stepsPerEpoch) {
      await this.#endIfAsked(running);
      training.start();
      await this.#nextStep(running, epoch);
      training.stop();
      await this.#saveIfAsked(running);
    }
    await this.#endIfAsked(running);
    const metrics: Record<string, Metrics> = { train: progress.means.metrics() };
    const emitSplit = (split: string, samples?: EvaluationEvent["samples"]) =>
      this.#emit("evaluation", {
        ...about,
        step: progress.step,
        seconds: progress.seconds,
        split,
        metrics: metrics[split]!,
        ...(samples && Object.keys(samples).length > 0 && { samples }),
      });
    await emitSplit("train");
    for (const split of progress.measuredSplits(epoch)) {
      const measured = await this.#measure(running, split);
      metrics[split] = measured.metrics;
      await emitSplit(split, measured.samples);
    }
    const best = progress.endEpoch(metrics), { state } = running;
    await this.#emit("epoch", {
      ...about,
      step: progress.step,
      seconds: progress.seconds,
      metrics,
      best,
      snapshot: () => snapshot(model, state),
      checkpoint: this.#requests.ask,
    });
    // The next phase may start from the best weights, even if no output asks for them.
    const next = this.#job.phases[progress.start.phase + 1];
    if (best && next?.from === "best") this.#requests.ask({ best });
    await this.#saveIfAsked(running);
  }

  async #nextStep(running: RunningPhase, epoch: number): Promise<void> {
    const job = this.#job, { progress } = running, { waiting } = progress.time;
    const { model, learningRate: rateAt } = progress.phase.nets;
    const batch = await waiting.during(() => running.feed.next());
    const isOwn = readsOwnRows(job, progress);
    const size = isOwn ? this.#rowsOfBatch(progress.batches) : batch.size;
    const position = progress.inPhase, { optimizerSteps } = progress;
    const { factor = 1, without = [] } = progress.rollbackOfPhase ?? {};
    const learningRate = factor * rateAt(position);
    const step = ++progress.step;
    if (without.includes(step)) {
      progress.batches++;
      return;
    }
    let taken!: StepResult;
    await this.#guard.watch(async () => {
      const parts = waiting.during(() => {
        const input = (rows: Batch, part?: Omit<BatchPart, "batch">) =>
          stepInput(model, rows, position, learningRate, progress.seed, optimizerSteps, part);
        const most = isInParts(job) ? job.part : size;
        const process = { stops: this.#isAsked, whole: isOwn ? size : undefined };
        const divided = job.cluster?.partsOf(batch, most, model, process) ??
          (isInParts(job)
            ? partsOfBatch(batch, job.part, model.rowWeights, model.terms)
            : undefined);
        return divided?.map(({ batch, ...part }) => input(batch, part)) ?? [input(batch)];
      });
      const when = `at step ${step} (epoch ${epoch})`;
      try {
        taken = await running.steps.take(running.state, parts, when);
        if (step === 1) {
          const { losses: [_total, ...losses], state: { values } } = taken;
          await job.firstStep?.({ terms: model.terms, losses, rows: parts[0]!, values });
        }
      } finally {
        parts.forEach(disposeInput);
      }
      running.state = taken.state;
      return tensorsOf(running.state);
    });
    progress.trainedRows += size;
    progress.batches++;
    const { losses, gradientNorm, skipped } = taken;
    this.#stops = taken.stops;
    if (skipped) progress.skipped++;
    else {
      const facts = { gradientNorm, learningRate };
      progress.means.add(losses, size, facts, isOwn ? undefined : weightsOf(batch, model));
    }
    await this.#emit("step", {
      job: job.name,
      ...nameOf(progress.phase),
      epoch,
      step,
      learningRate,
      ...progress.means.named(losses),
      gradientNorm,
      skipped,
      checkpoint: this.#requests.ask,
    });
  }

  /** The number of rows of a training batch, in all processes of a cluster. */
  #rowsOfBatch(batch: number): number {
    const { data, cut } = this.#job, [start, end] = batchRange(data.splits.train.rows, cut, batch);
    return end - start;
  }

  /** Evaluates the nets on a split. The processes of a cluster divide its batches. */
  async #measure(running: RunningPhase, split: string): Promise<MeasuredSplit> {
    const { evaluated, measure, progress, state: { values } } = running;
    const { metrics, model } = progress.phase.nets, { cluster } = this.#job;
    const count = passBatches(this.#job.data.splits[split]!, { training: false, ...evaluationCut });
    if (!cluster) {
      const batches = this.#evaluationBatches(running, count);
      return await measureSplit(evaluated, measure, values, batches, metrics);
    }
    const measures = new Measures(evaluated.nets, metrics);
    if (model.shards) {
      for await (const round of this.#rounds(running, count)) {
        await this.#measureRound(running, round, measures);
      }
      return await this.#measured(measures, cluster);
    }
    const own = this.#evaluationBatches(running, cluster.shareOf(count));
    await cluster.inTurns(
      count,
      async () => {
        const { value } = await own.next();
        return await evaluateBatch(evaluated, measure, values, value!);
      },
      (batch: EvaluatedBatch) => measures.add(batch),
    );
    return await this.#measured(measures, cluster);
  }

  /** Yields the batches of an evaluation, as many at once as there are processes. */
  async *#rounds(running: RunningPhase, count: number): AsyncGenerator<Batch[], undefined> {
    const { size } = this.#job.cluster!;
    let round: Batch[] = [];
    for await (const batch of this.#evaluationBatches(running, count)) {
      round.push(batch);
      if (round.length < size) continue;
      yield round;
      round = [];
    }
    yield round;
  }

  /**
   * Evaluates a batch in each process, which exchange rows of sharded tables. If there are fewer
   * batches, or batches of different sizes, all processes compute each of them.
   */
  async #measureRound(
    { evaluated, measure, measureOwn, state: { values } }: RunningPhase,
    round: readonly Batch[],
    measures: Measures,
  ): Promise<void> {
    const cluster = this.#job.cluster!, { part: { index } } = cluster;
    if (round.length === cluster.size && round.every(({ size }) => size === round[0]!.size)) {
      return await cluster.inTurns(
        round.length,
        () => evaluateBatch(evaluated, measureOwn!, values, round[index]!),
        (batch: EvaluatedBatch) => measures.add(batch),
      );
    }
    for (const batch of round) {
      const rows = await evaluateBatch(evaluated, measure, values, batch);
      if (cluster.isFirst) measures.add(rows);
    }
  }

  /** Returns the values that the first process has measured. */
  async #measured(measures: Measures, cluster: ClusterRun): Promise<MeasuredSplit> {
    return {
      metrics: await cluster.ofFirst(() => measures.values(), "metrics"),
      samples: cluster.isFirst ? measures.samples() : {},
    };
  }

  async *#evaluationBatches(
    running: RunningPhase,
    count: number,
  ): AsyncGenerator<Batch, undefined> {
    for (let batch = 0; batch < count; batch++) {
      await this.#endIfAsked(running);
      yield await running.feed.next();
    }
  }

  async #saveIfAsked(running: RunningPhase): Promise<void> {
    const own = this.#requests.take(), { cluster } = this.#job;
    // All processes take part in writing sharded tables, but only the first one has outputs.
    const request = cluster && running.progress.phase.nets.model.shards
      ? await cluster.maybeOfFirst(own, "checkpoint wanted")
      : own;
    if (request) await this.#save(running, request);
  }

  async #save(running: RunningPhase, request: CheckpointRequest): Promise<string> {
    this.#requests.take();
    const { model } = running.progress.phase.nets, { shards } = model;
    const sharded = shards && new ShardedRows(shards, shardedTensors(model, running.state));
    if (this.#job.cluster?.isFirst === false) {
      if (sharded && !sharded.serve()) {
        throw new NonFiniteError(
          "the optimizer has made a variable NaN or infinite, which the first process names",
          { hint: divergedHint() },
        );
      }
      return "";
    }
    let isFinite = true;
    try {
      return await this.#write(running, request, sharded);
    } catch (error) {
      if (!(error instanceof NonFiniteError)) throw error;
      isFinite = false;
      // The other processes do not know of this checkpoint, so they could not go back as well.
      throw this.#job.cluster && !sharded ? await this.#withoutRollback(error) : error;
    } finally {
      sharded?.end(isFinite);
    }
  }

  async #write(
    running: RunningPhase,
    request: CheckpointRequest,
    sharded: ShardedRows | undefined,
  ): Promise<string> {
    const { store, about } = this.#checkpoints, { progress, state, gradients, steps } = running;
    const { model } = progress.phase.nets;
    const position = progress.position(steps.skippedInARow);
    const owners = model.variables.map(({ name, owner }) => [name, owner]);
    return await store.write({
      content: { ...about, gradients, position },
      unmeasured: progress.batches === progress.stepsPerEpoch,
      tensors: streamedTensors(model, state, sharded),
      bestNames: [...new Set([bestNameOf(progress.phase), "best"])],
      metadata: {
        ...this.#told(progress),
        metrics: JSON.stringify(metricsToJson(position.metrics)),
        optimizer: model.optimizerStage.name,
        owners: JSON.stringify(Object.fromEntries(owners)),
      },
    }, request);
  }

  /** The position as in the metadata of a checkpoint's weights. */
  #told(progress: Progress): Record<string, string> {
    return {
      job: this.#checkpoints.about.job,
      ...nameOf(progress.phase),
      epoch: String(progress.epochs),
      step: String(progress.step),
      optimizerSteps: String(progress.optimizerSteps),
    };
  }

  /** Whether this process has been asked to stop. */
  get #isAsked(): boolean {
    return this.#checkpoints.signal?.aborted ?? false;
  }

  async #endIfAsked(running: RunningPhase): Promise<void> {
    const { signal } = this.#checkpoints, { cluster } = this.#job;
    if (!signal) return;
    await this.#breathe();
    cluster?.check();
    // All processes of a cluster stop after the same step.
    if (!(cluster ? this.#stops : signal.aborted)) return;
    const path = await this.#save(running, {});
    const { step } = running.progress;
    throw new Interruption(`stopped after step ${step} of ${this.#job.name}`, path);
  }

  /**
   * Lets the event loop deliver signals. They are delivered only between tasks, and the steps of an
   * engine that never waits are a single task. This must be a timer: an event loop that always has
   * work to do polls for external events only once in 61 turns.
   */
  async #breathe(): Promise<void> {
    if (performance.now() - this.#breathed < BREATH) return;
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    this.#breathed = performance.now();
  }
}

/** Logs how many rows of sharded tables this process holds. */
function reportShards({ name, report }: Job, model: Model, { values }: State): void {
  const tables = Object.values(values).filter((value) => shardsOf(value));
  if (!model.shards || tables.length === 0) return;
  const sum = (rows: (table: tf.Tensor) => number) =>
    tables.reduce((sum, table) => sum + rows(table), 0).toLocaleString("en");
  const held = sum(({ shape }) => shape[0]!), all = sum(rowCount);
  report(
    `${name}: each of ${model.shards.size} processes holds ${held} of ${all} rows of sharded tables`,
  );
}

/** Returns how much the rows of a batch count in its loss terms. */
function weightsOf(batch: Batch, { terms, rowWeights }: Model): StepWeights {
  const rows = weightedRows(batch, rowWeights);
  return { all: weightOfRows(rows), terms: lossWeightsOf(terms, rows) ?? {} };
}

/** The time between two checks for signals, in milliseconds. */
const BREATH = 100;

/** The maximum number of rollbacks in a phase. */
const MAX_ROLLBACKS = 3;

/**
 * Evaluation batches are larger than training batches, because no values are kept for a backward
 * pass. Every row is evaluated.
 */
const evaluationCut = { size: evaluationRows, last: "keep" } as const;

/** The phase's name, in the form of events and checkpoints. */
const nameOf = ({ name }: JobPhase): { readonly phase?: string } =>
  name === undefined ? {} : { phase: name };

/** The additional name of a phase's best checkpoint. */
const bestNameOf = ({ name }: JobPhase) => name === undefined ? "best" : `best-${name}`;

async function snapshot(model: JobPhase["nets"]["model"], state: State): Promise<Snapshot> {
  if (model.shards) {
    throw new Error("the weights of sharded tables are only in checkpoints, not in snapshot()");
  }
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
