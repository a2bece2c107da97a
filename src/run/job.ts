/**
 * What a job trains on what, as `run.ts` makes it and `trainer.ts` does it.
 *
 * @module
 */

import type { Precision } from "../engine/capture/precision.ts";
import type { PlannedPhase } from "../pipeline/plan.ts";
import type { Batch } from "../stages/batch.ts";
import type { JobName, RunEvents } from "../stages/events.ts";
import type { CheckpointContent } from "./folder/checkpoint_content.ts";
import type { CheckpointStore, StoredCheckpoint } from "./folder/checkpoints.ts";
import type { Input } from "../input/input.ts";
import type { BatchCut } from "../input/order.ts";
import type { PreparedData } from "../input/prepare_data.ts";
import type { PreparedNets } from "./prepare_nets.ts";
import type { GivenState } from "../train/variables.ts";
import type { FirstStep } from "./warnings/first_loss.ts";

/** Tells outputs of an event. */
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
  /** The nets, with the same variables in all phases but for those of losses. */
  readonly nets: PreparedNets;
}

/** One training, of the rocket or of the light net alone. */
export interface Job {
  /** Which it is. */
  readonly name: JobName;
  /** The run's seed. */
  readonly seed: number;
  /** The phases, one at least. */
  readonly phases: readonly JobPhase[];
  /** What the job begins with instead of random values and an optimizer that has kept nothing. */
  readonly given: GivenState;
  /** How the rows of an epoch are cut into steps. */
  readonly cut: BatchCut;
  /** After how many epochs the nets are measured. */
  readonly evaluateEvery: number;
  /** The rows. */
  readonly data: PreparedData;
  /** Makes batches of them. */
  readonly input: Input;
  /** What training steps compute maps in; evaluations are in float32, as the net ships. */
  readonly precision: Precision;
  /** The first batch, which the losses' gradients are measured on when a phase begins. */
  readonly first: Batch;
  /** Hears of the first step of the job. */
  readonly firstStep?: ((step: FirstStep) => Promise<void>) | undefined;
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
  readonly about: Omit<CheckpointContent, "position" | "gradients">;
  /** Tells outputs that the job starts, or goes on from a checkpoint. */
  readonly announce: (from: StoredCheckpoint | undefined) => Promise<void>;
  /** Asks the job to write a checkpoint after the step and to end. */
  readonly signal: AbortSignal | undefined;
}
