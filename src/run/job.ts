/**
 * The types of a job, which `run.ts` prepares and `trainer.ts` executes.
 *
 * @module
 */

import type { Precision } from "../engine/capture/precision.ts";
import type { PlannedPhase } from "../pipeline/plan.ts";
import type { Batch } from "../stages/batch.ts";
import type { JobName, RunEvents } from "../stages/events.ts";
import type { ClusterRun } from "./cluster_run.ts";
import type { CheckpointContent } from "./folder/checkpoint_content.ts";
import type { CheckpointStore, StoredCheckpoint } from "./folder/checkpoints.ts";
import type { Input } from "../input/input.ts";
import type { BatchCut } from "../input/order.ts";
import type { PreparedData } from "../input/prepare_data.ts";
import type { PreparedNets } from "./prepare_nets.ts";
import type { GivenState } from "../train/variables.ts";
import type { FirstStep } from "./warnings/first_loss.ts";

/** A function that sends an event of a run to all outputs. */
export type Emit = <Name extends keyof RunEvents>(
  name: Name,
  event: RunEvents[Name],
) => Promise<void>;

/** One phase of a job. */
export interface JobPhase extends
  Pick<
    PlannedPhase,
    | "name"
    | "epochs"
    | "from"
    | "select"
    | "nonFinite"
    | "maxSkipped"
    | "stop"
    | "place"
    | "epochsPlace"
    | "selectPlace"
    | "stopPlace"
  > {
  /** The nets. All phases have the same variables, except for variables of losses. */
  readonly nets: PreparedNets;
}

/** A job of a run: it trains the light net and the booster together, or the light net alone. */
export interface Job {
  /** Which of the two jobs it is. */
  readonly name: JobName;
  /** The run's seed. */
  readonly seed: number;
  /** The phases; at least one. */
  readonly phases: readonly JobPhase[];
  /** Initial weights from files, and the optimizer's state if it is continued. */
  readonly given: GivenState;
  /** How the rows of an epoch are divided into batches. */
  readonly cut: BatchCut;
  /** The maximum number of rows of a part of a batch; that of a batch if it is not divided. */
  readonly part: number;
  /** The number of epochs between two evaluations. */
  readonly evaluateEvery: number;
  /** The rows. */
  readonly data: PreparedData;
  /** Makes batches from the rows. */
  readonly input: Input;
  /** The number format of training steps. Evaluations use float32, like the exported net. */
  readonly precision: Precision;
  /** Whether XLA compiles training steps; false by default. */
  readonly xla?: boolean | undefined;
  /**
   * The first batch, on which the gradient norms of the losses are measured when a phase starts.
   */
  readonly first: Batch;
  /** Receives the first step of the job. */
  readonly firstStep?: ((step: FirstStep) => Promise<void>) | undefined;
  /** The processes that train together; undefined if this process trains alone. */
  readonly cluster?: ClusterRun | undefined;
  /** Receives log lines. */
  readonly report: (line: string) => void;
  /** Whether to log how steps are computed. */
  readonly debug: boolean;
}

/** The checkpoint that a job continues from, and the store for new ones. */
export interface JobCheckpoints {
  /** Writes and reads checkpoints. */
  readonly store: CheckpointStore;
  /** The checkpoint that the job continues from, if any. */
  readonly from: StoredCheckpoint | undefined;
  /** The content of each checkpoint, except for the position and gradient norms. */
  readonly about: Omit<CheckpointContent, "position" | "gradients">;
  /** Tells the outputs that the job starts, or continues from a checkpoint. */
  readonly announce: (from: StoredCheckpoint | undefined) => Promise<void>;
  /** When aborted, the job finishes its step, writes a checkpoint, and ends. */
  readonly signal: AbortSignal | undefined;
}
