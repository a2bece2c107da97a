/**
 * The events of a run, which outputs receive.
 *
 * @module
 */

import type { Place } from "../base/errors.ts";
import type { BootstrapSamples, MetricValue } from "./metric.ts";
import type { NetName, VariableOwner } from "./network.ts";

/** Metrics by key: `light/accuracy`, `booster/accuracy`, `agreement`. */
export type Metrics = Readonly<Record<string, MetricValue>>;

/**
 * A job of a run: the light net and the booster trained together (`rocket`), or the light net
 * trained alone (`light-alone`).
 */
export type JobName = "rocket" | "light-alone";

/**
 * The norms of the gradients of one loss term on the first batch: a norm for the variables of each
 * owner (light net, booster, both nets, or a loss).
 */
export interface GradientNorms {
  /** The loss term's name. */
  readonly loss: string;
  /** The L2 norm of the weighted gradient by owner; exactly 0 if the gradient policy blocks it. */
  readonly norms: Readonly<Partial<Record<VariableOwner, number>>>;
}

/** The description of a phase, available before training starts. */
export interface PhaseSpec {
  /** The phase's name. */
  readonly name: string;
  /** The nets that the phase computes and evaluates. */
  readonly nets: readonly NetName[];
  /** The owners whose variables are frozen. */
  readonly frozen: readonly VariableOwner[];
  /** The number of epochs, unless the phase stops early. */
  readonly epochs: number;
}

/** The event at the start of the training of a job. */
export interface RunStartEvent {
  /** The job. */
  readonly job: JobName;
  /** The pipeline's name. */
  readonly name: string;
  /** The engine: `native` or `wasm`. */
  readonly engine: string;
  /** The precision of training steps: `float32` or `bfloat16`. */
  readonly precision: string;
  /** The run's seed. */
  readonly seed: number;
  /** The nets that are trained. */
  readonly nets: readonly NetName[];
  /** The number of trainable parameters of each net. Shared ones count for both nets. */
  readonly parameters: Readonly<Partial<Record<NetName, number>>>;
  /** The number of epochs of all phases. */
  readonly epochs: number;
  /** The phases, if the pipeline has any. */
  readonly phases?: readonly PhaseSpec[];
  /** The number of steps per epoch. */
  readonly stepsPerEpoch: number;
  /** The number of rows of each split. */
  readonly rows: Readonly<Record<string, number>>;
  /** The checkpoint that the job resumes from, if any. Events after that checkpoint occur again. */
  readonly resumed?: ResumedAt;
}

/** The checkpoint that a job resumes from. */
export interface ResumedAt {
  /** The number of completed epochs, including their evaluations. */
  readonly epochs: number;
  /** The number of completed steps. */
  readonly step: number;
  /** The checkpoint's file. */
  readonly checkpoint: string;
}

/** The options of a checkpoint that an output requests. */
export interface CheckpointRequest {
  /** How many of the job's latest checkpoints to keep; 2 by default, because one may be damaged. */
  readonly keep?: number;
  /** Whether to keep this checkpoint regardless of how many follow. */
  readonly forever?: boolean;
  /**
   * Whether the epoch is the best so far. If so, this checkpoint replaces
   * `checkpoints/best.safetensors`, and in a phase also `best-PHASE.safetensors`.
   */
  readonly best?: boolean;
}

/** The event after a training step. */
export interface StepEvent {
  /** The job. */
  readonly job: JobName;
  /** The phase, if the pipeline has phases. */
  readonly phase?: string;
  /** The epoch of the run, from 1. */
  readonly epoch: number;
  /** The number of steps done so far. */
  readonly step: number;
  /** The learning rate of the step. */
  readonly learningRate: number;
  /** The weighted sum of all loss terms. */
  readonly loss: number;
  /** Each loss term before its weight, by name. */
  readonly losses: Readonly<Record<string, number>>;
  /**
   * Requests a checkpoint of the run after this step. The run writes one checkpoint when all
   * outputs have received the event, even if several outputs request it.
   *
   * @param request How to keep the checkpoint.
   */
  checkpoint(request?: CheckpointRequest): void;
  /** The L2 norm of the gradients of all variables, before clipping. */
  readonly gradientNorm: number;
  /**
   * Whether the step was skipped because its losses or gradients are NaN or infinite. A skipped
   * step changes no variable and is left out of the means of the epoch.
   */
  readonly skipped: boolean;
}

/** The event after the evaluation of a split. */
export interface EvaluationEvent {
  /** The job. */
  readonly job: JobName;
  /** The phase, if the pipeline has phases. */
  readonly phase?: string;
  /** The number of epochs done so far, in all phases. */
  readonly epoch: number;
  /** The number of steps done so far. */
  readonly step: number;
  /** Seconds since the job's training started, including evaluation. */
  readonly seconds: number;
  /** The split: `train` (means over the epoch's steps), `validation` or `test`. */
  readonly split: string;
  /** The metrics. */
  readonly metrics: Metrics;
  /** The bootstrap samples of metrics that compute any, by key. */
  readonly samples?: Readonly<Record<string, BootstrapSamples>>;
}

/** The values of the variables and of the optimizer's slots. */
export interface Snapshot {
  /** The values by the variable's name; optimizer slots as `optimizer/SLOT/NAME`. */
  readonly tensors: ReadonlyMap<string, SnapshotTensor>;
}

/** The value of one variable or slot. */
export interface SnapshotTensor {
  /** The shape. */
  readonly shape: readonly number[];
  /** The values, row-major. */
  readonly values: Float32Array | Int32Array;
  /** The owner of the variable. */
  readonly owner: VariableOwner;
}

/** The event at the end of an epoch, after its evaluations. */
export interface EpochEvent {
  /** The job. */
  readonly job: JobName;
  /** The phase, if the pipeline has phases. */
  readonly phase?: string;
  /** The number of epochs done so far, in all phases. */
  readonly epoch: number;
  /** The number of steps done so far. */
  readonly step: number;
  /** Seconds since the job's training started. */
  readonly seconds: number;
  /** The latest metrics of each split. */
  readonly metrics: Readonly<Record<string, Metrics>>;
  /** Whether this is the best epoch of its phase so far, by the metric of `select`. */
  readonly best: boolean;
  /**
   * Reads the variables and the optimizer's slots from the engine.
   *
   * @throws {Error} If the run has sharded tables, whose rows other processes hold.
   */
  snapshot(): Promise<Snapshot>;
  /**
   * Requests a checkpoint of the run after this epoch. The run writes one checkpoint when all
   * outputs have received the event, even if several outputs request it.
   *
   * @param request How to keep the checkpoint.
   */
  checkpoint(request?: CheckpointRequest): void;
}

/** The speed of the training steps of a job, and how much they waited for data. */
export interface InputResult {
  /** The number of rows per second in training steps, including the waits for data. */
  readonly rowsPerSecond: number;
  /**
   * The fraction of the training time, without evaluation, that was spent waiting for data, from 0
   * to 1. A wait lasts from the request for a batch until its tensors are available.
   */
  readonly waitingShare: number;
}

/** The result of one phase of training. */
export interface PhaseResult {
  /** The phase's name. */
  readonly name: string;
  /** The nets that the phase computed and evaluated. */
  readonly nets: readonly NetName[];
  /** The owners whose variables were frozen. */
  readonly frozen: readonly VariableOwner[];
  /** The number of epochs of the phase. */
  readonly epochs: number;
  /** Whether `stop` ended the phase early. */
  readonly stopped?: true;
  /** The number of steps, including skipped ones. */
  readonly steps: number;
  /** The number of skipped steps. */
  readonly skipped: number;
  /** The phase's training time in seconds, including evaluation. */
  readonly seconds: number;
  /** Each net's metrics on the test split after the last epoch of the phase. */
  readonly test: Readonly<Record<string, Metrics>>;
  /** The best epoch of the phase. Its number counts from the start of the run. */
  readonly best: Result["best"];
  /** The gradient norms on the first batch of the phase, one entry per loss term. */
  readonly gradients: readonly GradientNorms[];
}

/** The result of a run, as in `result.json`. */
export interface Result {
  /** The pipeline's name. */
  readonly name: string;
  /** The engine: `native` or `wasm`. */
  readonly engine: string;
  /** The precision of training steps: `float32` or `bfloat16`. */
  readonly precision: string;
  /** The run's seed. */
  readonly seed: number;
  /** The number of epochs done. */
  readonly epochs: number;
  /** Whether `train.stop` ended training before `train.epochs`. */
  readonly stopped?: true;
  /** The number of steps done, including skipped ones. */
  readonly steps: number;
  /** The number of steps that were skipped because losses or gradients were NaN or infinite. */
  readonly skipped: number;
  /** The time of the joint training in seconds, including evaluation. */
  readonly seconds: number;
  /** How much the steps of the joint training waited for data. */
  readonly input: InputResult;
  /**
   * The largest amount of memory that the process of the run has used (its resident set), in bytes.
   * For a resumed run, it is that of the last process. Absent if the system does not report it.
   */
  readonly memory?: { readonly peakBytes: number };
  /**
   * The result of each phase, if the pipeline has phases. The other metrics of the result are those
   * of the last phase.
   */
  readonly phases?: readonly PhaseResult[];
  /** Each net's metrics on the test split after the last epoch. */
  readonly test: Readonly<Record<string, Metrics>>;
  /**
   * The best epoch: the `split` and `metric` that selected it, the metric's `value` there, and its
   * metrics on the test split. In a pipeline without a metric to select by, it is the last epoch
   * and `metric` is `epoch`.
   */
  readonly best: {
    readonly epoch: number;
    readonly split: string;
    readonly metric: string;
    readonly value: MetricValue;
    readonly test: Readonly<Record<string, Metrics>>;
  };
  /**
   * Whether higher or lower values of each metric are better, by the name of the metric and of the
   * value: `accuracy`, `calibration/ece`, or `loss/*` for all values of `loss`. Other values are not
   * judged. Results of earlier versions lack it.
   */
  readonly better?: Readonly<Record<string, "higher" | "lower">>;
  /** The number of trainable parameters of each net. Shared ones count for both nets. */
  readonly parameters: Readonly<Partial<Record<NetName, number>>>;
  /** The gradient norms on the first batch of the last phase, one entry per loss term. */
  readonly gradients: readonly GradientNorms[];
  /** The result of the light net trained alone, if the pipeline has `baseline: light-alone`. */
  readonly baseline?: {
    readonly skipped: number;
    readonly epochs: number;
    readonly stopped?: true;
    readonly seconds: number;
    readonly input: InputResult;
    readonly test: Readonly<Record<string, Metrics>>;
    readonly best: Result["best"];
    readonly parameters: Readonly<Partial<Record<NetName, number>>>;
  };
}

/** The event that reports a warning: something suggests that the result may not be meaningful. */
export interface WarningEvent {
  /** The description of the problem, as one sentence without a period. */
  readonly message: string;
  /** The place in the pipeline file that the warning refers to. */
  readonly place?: Place | undefined;
  /** A hint for what to change. */
  readonly hint?: string | undefined;
}

/** The event at the end of a successful run. */
export interface RunEndEvent {
  /** The result of the run. */
  readonly result: Result;
}

/** The event when a run has failed or was interrupted. */
export interface FailureEvent {
  /** The error; an `Interruption` if the run was interrupted. */
  readonly error: Error;
}

/** The type of each event, by the name of the hook that receives it. */
export interface RunEvents {
  /** The result may not be meaningful. Most warnings come before training starts. */
  readonly warning: WarningEvent;
  /** The training of a job starts. */
  readonly runStart: RunStartEvent;
  /** A step is done. */
  readonly step: StepEvent;
  /** A split has been evaluated. */
  readonly evaluation: EvaluationEvent;
  /** An epoch has ended. */
  readonly epoch: EpochEvent;
  /** The run has completed successfully. */
  readonly runEnd: RunEndEvent;
  /** The run has failed or was interrupted. */
  readonly failure: FailureEvent;
}

const names: Readonly<Record<keyof RunEvents, true>> = {
  warning: true,
  runStart: true,
  step: true,
  evaluation: true,
  epoch: true,
  runEnd: true,
  failure: true,
};

/** The names of all events. */
export const EVENT_NAMES: readonly (keyof RunEvents)[] = Object.keys(
  names,
) as (keyof RunEvents)[];
