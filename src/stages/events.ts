/**
 * What happens in a run, as outputs hear of it.
 *
 * @module
 */

import type { Place } from "../base/errors.ts";
import type { MetricValue } from "./metric.ts";
import type { NetName, VariableOwner } from "./network.ts";

/** Metrics by key: `light/accuracy`, `booster/accuracy`, `agreement`. */
export type Metrics = Readonly<Record<string, MetricValue>>;

/** The part of a run that an event belongs to: the rocket, or the light net trained alone. */
export type JobName = "rocket" | "light-alone";

/** Gradient norms of one loss term on the first batch, by the owner of the variables. */
export interface GradientNorms {
  /** The loss term's name. */
  readonly loss: string;
  /** The L2 norm of its weighted gradient by owner; exactly 0 where the policy blocks it. */
  readonly norms: Readonly<Partial<Record<VariableOwner, number>>>;
}

/** A phase of a run that is to come. */
export interface PhaseSpec {
  /** Its name. */
  readonly name: string;
  /** The nets that it computes and measures. */
  readonly nets: readonly NetName[];
  /** Whose variables it leaves as they are. */
  readonly frozen: readonly VariableOwner[];
  /** How many epochs there will be, if it does not end early. */
  readonly epochs: number;
}

/** The job's training begins. */
export interface RunStartEvent {
  /** Which part of the run. */
  readonly job: JobName;
  /** The pipeline's name. */
  readonly name: string;
  /** The engine: `native` or `wasm`. */
  readonly engine: string;
  /** What training steps compute in: `float32` or `bfloat16`. */
  readonly precision: string;
  /** The run's seed. */
  readonly seed: number;
  /** The nets that are trained. */
  readonly nets: readonly NetName[];
  /** How many numbers each net is made of (trainable; shared ones count for both). */
  readonly parameters: Readonly<Partial<Record<NetName, number>>>;
  /** How many epochs there will be, in all phases. */
  readonly epochs: number;
  /** The phases, if the pipeline has any. */
  readonly phases?: readonly PhaseSpec[];
  /** How many steps an epoch has. */
  readonly stepsPerEpoch: number;
  /** The rows of each split. */
  readonly rows: Readonly<Record<string, number>>;
  /** Where the job goes on, if it does from a checkpoint; what came after that happens again. */
  readonly resumed?: ResumedAt;
}

/** The checkpoint that a job goes on from. */
export interface ResumedAt {
  /** The epochs that were done, with their evaluations. */
  readonly epochs: number;
  /** The steps that were done. */
  readonly step: number;
  /** The checkpoint's file. */
  readonly checkpoint: string;
}

/** What is to become of a checkpoint that an output asks for. */
export interface CheckpointRequest {
  /** How many of the job's latest checkpoints stay; 2 by default, as one may be damaged. */
  readonly keep?: number;
  /** Whether it stays, whatever comes after it. */
  readonly forever?: boolean;
  /**
   * Whether the epoch is the best so far: `checkpoints/best.safetensors` becomes this one, and in a phase
   * `best-PHASE.safetensors`, too.
   */
  readonly best?: boolean;
}

/** A step is done. */
export interface StepEvent {
  /** Which part of the run. */
  readonly job: JobName;
  /** The phase, if the pipeline has phases. */
  readonly phase?: string;
  /** The epoch of the run, from 1. */
  readonly epoch: number;
  /** The steps done so far. */
  readonly step: number;
  /** The learning rate of the step. */
  readonly rate: number;
  /** The weighted sum of all loss terms. */
  readonly loss: number;
  /** Each loss term before its weight, by name. */
  readonly losses: Readonly<Record<string, number>>;
  /**
   * Asks for a checkpoint of the run as it is after this step. The run writes it when all outputs
   * have heard the event, once for all that ask.
   *
   * @param request What is to become of it.
   */
  checkpoint(request?: CheckpointRequest): void;
  /** The L2 norm of the gradients of all variables, before they are clipped. */
  readonly gradientNorm: number;
  /**
   * Whether the step was skipped, as its losses or gradients are NaN or infinite: no variable has
   * moved, and the means of the epoch do not count it.
   */
  readonly skipped: boolean;
}

/** A split has been evaluated. */
export interface EvaluationEvent {
  /** Which part of the run. */
  readonly job: JobName;
  /** The phase, if the pipeline has phases. */
  readonly phase?: string;
  /** The epochs done so far, of all phases. */
  readonly epoch: number;
  /** The steps done so far. */
  readonly step: number;
  /** Seconds since the job's training began, evaluation included. */
  readonly seconds: number;
  /** The split: `train` (means over the epoch's steps), `validation` or `test`. */
  readonly split: string;
  /** The metrics. */
  readonly metrics: Metrics;
}

/** The values of the variables, and what the optimizer keeps of each. */
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
  /** Whose the variable is. */
  readonly owner: VariableOwner;
}

/** An epoch has ended and its evaluations are done. */
export interface EpochEvent {
  /** Which part of the run. */
  readonly job: JobName;
  /** The phase, if the pipeline has phases. */
  readonly phase?: string;
  /** The epochs done so far, of all phases. */
  readonly epoch: number;
  /** The steps done so far. */
  readonly step: number;
  /** Seconds since the job's training began. */
  readonly seconds: number;
  /** The latest metrics of each split. */
  readonly metrics: Readonly<Record<string, Metrics>>;
  /** Whether this is the best epoch of its phase so far, by the metric that the phase selects on. */
  readonly best: boolean;
  /** Reads the variables back from the engine. */
  snapshot(): Promise<Snapshot>;
  /**
   * Asks for a checkpoint of the run as it is after this epoch. The run writes it when all outputs
   * have heard the event, once for all that ask.
   *
   * @param request What is to become of it.
   */
  checkpoint(request?: CheckpointRequest): void;
}

/** How a job's input kept up with its steps. */
export interface InputResult {
  /**
   * The part of the training time, evaluation left out, that was spent waiting for data: from asking for
   * a batch until its tensors are there. In [0, 1].
   */
  readonly waitingShare: number;
}

/** What a phase of a run ended with. */
export interface PhaseResult {
  /** Its name. */
  readonly name: string;
  /** The nets that it computed and measured. */
  readonly nets: readonly NetName[];
  /** Whose variables it left as they were. */
  readonly frozen: readonly VariableOwner[];
  /** Its epochs. */
  readonly epochs: number;
  /** Whether it ended early, by `stop`. */
  readonly stopped?: true;
  /** Its steps, with those that were skipped. */
  readonly steps: number;
  /** How many steps were skipped. */
  readonly skipped: number;
  /** Its seconds of training, evaluation included. */
  readonly seconds: number;
  /** Each net's metrics on the test split after its last epoch. */
  readonly test: Readonly<Record<string, Metrics>>;
  /** Its best epoch; the epoch is counted over the run. */
  readonly best: Result["best"];
  /** The gradient norms of its first batch, a row a loss term. */
  readonly gradients: readonly GradientNorms[];
}

/** What a run ended with; `result.json` is this. */
export interface Result {
  /** The pipeline's name. */
  readonly name: string;
  /** The engine. */
  readonly engine: string;
  /** What training steps compute in: `float32` or `bfloat16`. */
  readonly precision: string;
  /** The run's seed. */
  readonly seed: number;
  /** The epochs done. */
  readonly epochs: number;
  /** Whether training ended before the epochs that the pipeline says, by `train.stop`. */
  readonly stopped?: true;
  /** The steps done, with those that were skipped. */
  readonly steps: number;
  /** How many steps were skipped, as their losses or gradients were not finite. */
  readonly skipped: number;
  /** Seconds of training the rocket, evaluation included. */
  readonly seconds: number;
  /** How the rocket's input kept up with its steps. */
  readonly input: InputResult;
  /** What each phase ended with, if the pipeline has phases. What else is said of metrics is the last one's. */
  readonly phases?: readonly PhaseResult[];
  /** Each net's metrics on the test split after the last epoch. */
  readonly test: Readonly<Record<string, Metrics>>;
  /**
   * The epoch that was best on `split` by `metric`, the value that it was chosen by, and its metrics on
   * the test split. A pipeline without a metric to choose by has the last epoch, by `epoch`.
   */
  readonly best: {
    readonly epoch: number;
    readonly split: string;
    readonly metric: string;
    readonly value: MetricValue;
    readonly test: Readonly<Record<string, Metrics>>;
  };
  /** How many numbers each net is made of (trainable; shared ones count for both). */
  readonly parameters: Readonly<Partial<Record<NetName, number>>>;
  /** The gradient norms on the first batch of the last phase, a row a loss term. */
  readonly gradients: readonly GradientNorms[];
  /** The light net trained alone, if the pipeline asked for it. */
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

/** What the run trains will not mean much, as far as its pipeline and its data show. */
export interface WarningEvent {
  /** What is unusual, in one sentence without a full stop. */
  readonly message: string;
  /** Where the pipeline file says so. */
  readonly place?: Place | undefined;
  /** What to write instead. */
  readonly hint?: string | undefined;
}

/** The whole run has ended well. */
export interface RunEndEvent {
  /** What came out. */
  readonly result: Result;
}

/** The run has failed, or was asked to end. */
export interface FailureEvent {
  /** Why; an `Interruption` if it was asked to. */
  readonly error: Error;
}

/** The events by the name of their hook. */
export interface RunEvents {
  /** Something will train and not mean much. Most warnings come before training begins. */
  readonly warning: WarningEvent;
  /** A job's training begins. */
  readonly runStart: RunStartEvent;
  /** A step is done. */
  readonly step: StepEvent;
  /** A split has been evaluated. */
  readonly evaluation: EvaluationEvent;
  /** An epoch has ended. */
  readonly epoch: EpochEvent;
  /** The run has ended well. */
  readonly runEnd: RunEndEvent;
  /** The run has failed, or was asked to end. */
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
