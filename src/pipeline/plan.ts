/**
 * What a document becomes: every stage found, every option checked, every default filled in.
 *
 * @module
 */

import type { FeatureOptions, LabelOptions, NullPolicy } from "./data_options.ts";
import type { Document } from "./document/document.ts";
import type { Place } from "../base/errors.ts";
import type { StageReference } from "../stages/stage_error.ts";
import type { GradientStage } from "../stages/gradient.ts";
import type { LossStage } from "../stages/loss.ts";
import type { MetricStage } from "../stages/metric.ts";
import type { NetName, NetworkStage, VariableOwner } from "../stages/network.ts";
import type { OptimizerStage } from "../stages/optimizer.ts";
import type { OutputStage } from "../stages/output.ts";
import type { ScheduleStage } from "../stages/schedule.ts";
import type { SourceStage } from "../stages/source.ts";
import type { AnyStage } from "../stages/stage.ts";
import type { TransformStage } from "../stages/transform.ts";

/** A stage with its checked options. */
export interface PlannedStage<S extends AnyStage = AnyStage> {
  /** The stage. */
  readonly stage: S;
  /** Its options, defaults filled in and nested stages made. */
  readonly options: unknown;
  /** Its options as plain JSON, for the run folder. */
  readonly resolved: Readonly<Record<string, unknown>>;
  /** What to call it in messages. */
  readonly reference: StageReference;
  /**
   * What finds the stage from anywhere: a built-in name, an absolute path or a URL; undefined for a stage
   * that the pipeline handed over itself.
   */
  readonly specifier: string | undefined;
  /** The folder that its relative paths start from. */
  readonly folder: string;
}

/** A transform of the plan. */
export interface PlannedTransformStage extends PlannedStage<TransformStage> {
  /** The rows that it is applied to. */
  readonly on: "training" | "all";
}

/** A loss of the plan. */
export interface PlannedLoss extends PlannedStage<LossStage> {
  /** The term's name in metrics. */
  readonly name: string;
  /** What it compares, as `NET.OUTPUT`: `[on]`; or `[from, to]` for each layer, which are summed. */
  readonly comparisons: readonly (readonly string[])[];
  /** The factor in the total loss. */
  readonly weight: number;
  /** What passes to whom. */
  readonly gradient: PlannedStage<GradientStage>;
}

/** A metric of the plan. */
export interface PlannedMetricStage extends PlannedStage<MetricStage> {
  /** Its key in results. */
  readonly name: string;
}

/** When training ends early. */
export interface StopOptions {
  /** The metric's key; that of `select` by default. */
  readonly metric: string | undefined;
  /** The epochs in a row without a better value. */
  readonly patience: number;
  /** By more than how much a value has to be better. */
  readonly minDelta: number;
}

/** An optimizer of the plan. */
export interface PlannedOptimizer extends PlannedStage<OptimizerStage> {
  /** The learning rate, before the schedule's factor. */
  readonly rate: number;
  /** How the rate changes over a phase. */
  readonly schedule: PlannedStage<ScheduleStage>;
  /** Which rows of embedding tables a step moves: those that it reads, or all. */
  readonly tables: "lazy" | "exact";
}

/** A training of the plan. A pipeline without `phases` has one, without a name. */
export interface PlannedPhase {
  /** The phase's name, if the pipeline has phases. */
  readonly name: string | undefined;
  /** The nets that are computed and measured. */
  readonly nets: readonly NetName[];
  /** Whose variables stay as they are. */
  readonly frozen: ReadonlySet<VariableOwner>;
  /** The weights of the phase before that this one begins with. */
  readonly from: "best" | "last";
  readonly losses: readonly PlannedLoss[];
  readonly optimizer: PlannedOptimizer;
  readonly epochs: number;
  readonly clip: { readonly norm: number; readonly per: "all" | "owner" } | undefined;
  readonly nonFinite: "stop" | "skip" | "back";
  readonly maxSkipped: number;
  readonly select: string | undefined;
  /** When the phase ends early. */
  readonly stop: StopOptions | undefined;
  /** Where the pipeline file has its losses. */
  readonly place: Place | undefined;
  /** Where it has its epochs. */
  readonly epochsPlace: Place | undefined;
  /** Where it says by which metric the best epoch is chosen. */
  readonly selectPlace: Place | undefined;
  /** Where it says by which metric training ends, or that it may end early. */
  readonly stopPlace: Place | undefined;
}

/** A safetensors file that initial weights come from, and what its rows and columns stand for. */
export interface InitialFile {
  readonly file: string;
  readonly layout: "rocket" | "pytorch";
  /** The files with the values of vocabularies, by feature. */
  readonly vocabularies: Readonly<Record<string, string>>;
  /** The order in which first layers read features. */
  readonly features: readonly string[] | undefined;
  /** The classes in the order of the logits. */
  readonly classes: readonly string[] | undefined;
}

/** A run that initial weights come from. */
export interface InitialRun {
  readonly run: string;
  readonly checkpoint: string;
}

/** Where initial weights come from. */
export interface PlannedInitial {
  /** The nets that begin with them: one, whose weights are the booster's with what both share; or both with all. */
  readonly nets: readonly NetName[];
  readonly from: InitialFile | InitialRun;
  /** Variables by the names that the file has for them, patterns with `*` among them. */
  readonly names: Readonly<Record<string, string>>;
  /** Whether the optimizer goes on as well. */
  readonly optimizer: boolean;
  /** Where the pipeline file says so. */
  readonly place: Place | undefined;
}

/** What becomes of the last rows of an epoch if they are fewer than a batch. */
export type LastBatch = "keep" | "merge" | "drop";

/** A pipeline, checked as far as that is possible without its data. */
export interface Plan {
  /** The document it came from. */
  readonly document: Document;
  /** The run's name. */
  readonly name: string;
  /** The run's seed. */
  readonly seed: number;
  /** The sources, by split. */
  readonly train: PlannedStage<SourceStage>;
  readonly test: PlannedStage<SourceStage>;
  readonly validation: PlannedStage<SourceStage> | { readonly holdout: number } | undefined;
  /** How many of the training rows are trained on; undefined for all. */
  readonly rows: number | undefined;
  /** The memory for rows, in bytes; undefined for a part of what the machine has. */
  readonly memory: number | undefined;
  /** The columns. */
  readonly features: Readonly<Record<string, FeatureOptions>>;
  readonly label: LabelOptions;
  /** The column that says how much each row counts in losses. */
  readonly weight: string | undefined;
  /** What becomes of nulls where a feature does not say so. */
  readonly nulls: NullPolicy | undefined;
  /** The columns that metrics read. */
  readonly columns: readonly string[];
  readonly transforms: readonly PlannedTransformStage[];
  readonly network: PlannedStage<NetworkStage>;
  /** What nets begin with instead of random weights. */
  readonly initial: readonly PlannedInitial[];
  /** The trainings, one at least, in order. */
  readonly phases: readonly PlannedPhase[];
  readonly metrics: readonly PlannedMetricStage[];
  readonly outputs: readonly PlannedStage<OutputStage>[];
  /** How the rows of an epoch are cut into steps. */
  readonly cut: { readonly size: number; readonly last: LastBatch };
  /** After how many epochs the nets are measured. */
  readonly evaluateEvery: number;
  readonly baseline: boolean;
  /** The folder of the project whose code the pipeline may name. */
  readonly project: string;
  /**
   * The whole pipeline as plain JSON with every default filled in, for files: `${env:NAME}` stands for the values of
   * environment variables.
   */
  readonly resolved: Readonly<Record<string, unknown>>;
  /** By the name of each variable in it, what changes when its value does. */
  readonly variables: Readonly<Record<string, string>>;
}
