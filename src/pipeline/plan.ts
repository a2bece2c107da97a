/**
 * The types of a plan: a pipeline whose stages are found, whose options are checked, and whose
 * defaults are filled in.
 *
 * @module
 */

import type {
  FeatureChoice,
  FeatureOptions,
  GroupOptions,
  LabelOptions,
  NullPolicy,
  SamplingOptions,
  SeveralLabelOptions,
  SplitOptions,
} from "./data_options.ts";
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

/** A stage of a plan, with its checked options. */
export interface PlannedStage<S extends AnyStage = AnyStage> {
  /** The stage. */
  readonly stage: S;
  /** Its options, with defaults filled in and nested stages created. */
  readonly options: unknown;
  /** Its options as plain JSON, for the run folder. */
  readonly resolved: Readonly<Record<string, unknown>>;
  /** The reference to the stage, for messages. */
  readonly reference: StageReference;
  /**
   * The specifier that finds the stage from any folder: a built-in name, an absolute path or a URL;
   * undefined for a stage object in a TypeScript pipeline.
   */
  readonly specifier: string | undefined;
  /** The folder that its relative paths start from. */
  readonly folder: string;
}

/** A transform stage with its options, and when it is applied. */
export interface PlannedTransformStage extends PlannedStage<TransformStage> {
  /** Whether it is applied only in training, or always. */
  readonly on: "training" | "all";
}

/** A net of an earlier run that is a teacher. */
export interface TeacherRun {
  /** The run folder. */
  readonly run: string;
  /** The net; the booster by default if the run has one. */
  readonly net: NetName | undefined;
  /** The checkpoint. */
  readonly checkpoint: string;
}

/** An ONNX model that is a teacher. */
export interface TeacherOnnx {
  /** The ONNX file. */
  readonly onnx: string;
  /** The output. */
  readonly output: string;
  /** The columns that inputs read, by input; the column of the input's name by default. */
  readonly inputs: Readonly<Record<string, string>>;
}

/** How the outputs of a model are joined with the training rows. */
export interface TeacherKey {
  /** The column whose values identify a row, in the training rows and in the rows of the teacher. */
  readonly key: string;
  /** The rows for which the model computes outputs; by default, all rows of the training source. */
  readonly rows: PlannedStage<SourceStage> | undefined;
}

/** A teacher outside the run: a column of the training rows, or a trained model. */
export interface PlannedTeacher {
  /** The name of its output in batches. Equal teachers have equal names. */
  readonly name: string;
  /** The same for files, without the values of environment variables. */
  readonly written: string;
  /** The column with its output; for a model, a name for the column that Rocket adds. */
  readonly column: string;
  /** The model that computes the output, if the data has no column with it. */
  readonly from: TeacherRun | TeacherOnnx | undefined;
  /** How its outputs are joined with the training rows; undefined if they are computed for them. */
  readonly by?: TeacherKey | undefined;
  /** The label that it predicts, if there are several. */
  readonly label?: string | undefined;
  /** What the numbers are; by default, probabilities if the label has classes. */
  readonly of: "logits" | "probabilities" | undefined;
  /** What to do with rows without an output. */
  readonly missing: "error" | "skip";
  /** Returns the place of an option, or of the entry, in the pipeline file. */
  readonly place: (option?: string) => Place | undefined;
}

/** A loss stage with its options, its weight, and the outputs that it compares. */
export interface PlannedLoss extends PlannedStage<LossStage> {
  /** The term's name in metrics. */
  readonly name: string;
  /** The label that it reads, if there are several; undefined for a hint on layers below them. */
  readonly label: string | undefined;
  /**
   * The outputs that it compares, as `NET.OUTPUT`: `[on]`; or `[from, to]` per layer, which are
   * summed. The output of a teacher outside the run is `teacher.logits`.
   */
  readonly comparisons: readonly (readonly string[])[];
  /** The weight in the total loss, before the schedule's factor. */
  readonly weight: number;
  /** The teacher outside the run that a hint reads, if it does not read a net of the run. */
  readonly teacher: PlannedTeacher | undefined;
  /** The scale of the teacher's output in a hint; undefined if it is not scaled. */
  readonly teacherScale: TeacherScale | undefined;
  /** How the weight changes during a phase; undefined if it is constant. */
  readonly schedule: PlannedStage<ScheduleStage> | undefined;
  /** The gradient policy. */
  readonly gradient: PlannedStage<GradientStage>;
}

/** A factor of a teacher's output, or of the probability that its single logit stands for. */
export type TeacherScale = number | { readonly probability: number };

/** The options of the auxiliary head of the light net. */
export interface AuxiliaryOptions {
  /** The output of the light net that the head reads. */
  readonly from: string;
  /** The factor of the gradient that flows from the head into the light net. */
  readonly gradient: number;
}

/** A metric stage with its options and its key in results. */
export interface PlannedMetricStage extends PlannedStage<MetricStage> {
  /** Its key in results. */
  readonly name: string;
  /** The column by which rows are grouped, unless the stage itself does this. */
  readonly by: string | undefined;
  /** The label for which it is measured, if there are several. */
  readonly label: string | undefined;
}

/** The settings of early stopping. */
export interface StopOptions {
  /** The metric's key; that of `select` by default. */
  readonly metric: string | undefined;
  /** The number of consecutive epochs without improvement after which training ends. */
  readonly patience: number;
  /** The metric must change by more than this to count as improved. */
  readonly minDelta: number;
}

/** An optimizer stage with its options, learning rate, and schedule. */
export interface PlannedOptimizer extends PlannedStage<OptimizerStage> {
  /** The learning rate, before the schedule's factor. */
  readonly learningRate: number;
  /** How the learning rate changes during a phase. */
  readonly schedule: PlannedStage<ScheduleStage>;
  /** Which rows of embedding tables a step updates: those that it reads, or all. */
  readonly tables: "lazy" | "exact";
  /** The factor of the L2 penalty on embeddings; undefined for none. */
  readonly embeddingL2: number | undefined;
}

/**
 * One phase of training: its nets, losses, optimizer, and limits. A pipeline without `phases` has
 * one phase, without a name.
 */
export interface PlannedPhase {
  /** The phase's name, if the pipeline has phases. */
  readonly name: string | undefined;
  /** The nets that the phase computes and evaluates. */
  readonly nets: readonly NetName[];
  /** The owners whose variables are frozen. */
  readonly frozen: ReadonlySet<VariableOwner>;
  /** Which weights of the previous phase this one starts from. */
  readonly from: "best" | "last";
  readonly losses: readonly PlannedLoss[];
  readonly optimizer: PlannedOptimizer;
  readonly epochs: number;
  readonly clip: { readonly norm: number; readonly per: "all" | "owner" } | undefined;
  readonly nonFinite: "stop" | "skip" | "back";
  readonly maxSkipped: number;
  readonly select: string | undefined;
  /** The settings of early stopping, if the phase has any. */
  readonly stop: StopOptions | undefined;
  /** The place of its losses in the pipeline file. */
  readonly place: Place | undefined;
  /** The place of its epochs. */
  readonly epochsPlace: Place | undefined;
  /** The place of the metric that selects the best epoch. */
  readonly selectPlace: Place | undefined;
  /** The place of the metric of early stopping, or of `stop`. */
  readonly stopPlace: Place | undefined;
}

/** A safetensors file with initial weights, and what its rows and columns represent. */
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

/** An earlier run whose checkpoint provides the initial weights. */
export interface InitialRun {
  readonly run: string;
  readonly checkpoint: string;
}

/**
 * An entry of the pipeline that sets initial weights: the file or run to read them from, and the
 * nets that start with them.
 */
export interface PlannedInitial {
  /** The nets that start from them. The booster's weights include the shared variables. */
  readonly nets: readonly NetName[];
  readonly from: InitialFile | InitialRun;
  /** The names of variables in the file, which may be patterns with `*`. */
  readonly names: Readonly<Record<string, string>>;
  /** Whether to restore the optimizer's state as well. */
  readonly optimizer: boolean;
  /** The place of the entry in the pipeline file. */
  readonly place: Place | undefined;
}

/** What to do with the last rows of an epoch if they do not fill a batch. */
export type LastBatch = "keep" | "merge" | "drop";

/** The sources of a pipeline: `all`, or `train`, `test`, and perhaps `validation`. */
export type PlannedSources = Readonly<
  Partial<Record<"all" | "train" | "validation" | "test", PlannedStage<SourceStage>>>
>;

/** A pipeline, checked as far as possible without its data. */
export interface Plan {
  /** The pipeline file, or the pipeline of a program, that the plan was made from. */
  readonly document: Document;
  /** The run's name. */
  readonly name: string;
  /** The run's seed. */
  readonly seed: number;
  /** The sources of the rows: those of the splits, or one of all rows. */
  readonly sources: PlannedSources;
  /** How the rows of `all`, or of `train` if there is no `all`, are divided into splits. */
  readonly split: SplitOptions | undefined;
  /** The number of rows to train on; undefined for all training rows. */
  readonly rows: number | undefined;
  /** The fractions of the training rows to keep, by class; undefined for all rows. */
  readonly sampling: SamplingOptions | undefined;
  /** The maximum memory for rows, in bytes; undefined for half of the available memory. */
  readonly memory: number | undefined;
  /** The features as the pipeline writes them, which may be patterns of column names. */
  readonly chosen: FeatureChoice;
  /** Whether strings become ids and numbers are normalized without further options. */
  readonly prepare: "auto" | undefined;
  /** The label, or several labels by name. */
  readonly label: LabelOptions | SeveralLabelOptions;
  /** The column with the weight of each row in losses. */
  readonly weight: string | undefined;
  /** What to do with nulls in features without their own setting. */
  readonly nulls: NullPolicy | undefined;
  /** How batches keep groups of rows together; undefined if they do not. */
  readonly group: GroupOptions | undefined;
  /** The columns that metrics and losses read. */
  readonly columns: readonly string[];
  /** The teachers outside the run, each once. */
  readonly teachers: readonly PlannedTeacher[];
  readonly transforms: readonly PlannedTransformStage[];
  readonly network: PlannedStage<NetworkStage>;
  /** The initial bias of the nets' outputs: 0, or the base rate of the training rows. */
  readonly outputBias: "zero" | "base-rate";
  /** The auxiliary head of the light net; undefined for none. */
  readonly auxiliary: AuxiliaryOptions | undefined;
  /** The initial weights that replace random ones. */
  readonly initial: readonly PlannedInitial[];
  /** The phases in order; at least one. */
  readonly phases: readonly PlannedPhase[];
  readonly metrics: readonly PlannedMetricStage[];
  readonly outputs: readonly PlannedStage<OutputStage>[];
  /**
   * How the rows of an epoch are divided into steps. If groups are kept together, `size` is the
   * maximum number of rows in a step.
   */
  readonly cut: { readonly size: number; readonly last: LastBatch };
  /**
   * The maximum number of rows for which gradients are computed at once. If it is less than the
   * size of a step's batch, the step computes its batch in parts.
   */
  readonly part: number;
  /** The number of epochs between evaluations. */
  readonly evaluateEvery: number;
  readonly baseline: boolean;
  /** The folder of the project whose code the pipeline may load. */
  readonly project: string;
  /** The code outside the project that the command line allows, as the user wrote it. */
  readonly allowPlugins: readonly string[];
  /**
   * The whole pipeline as plain JSON with every default filled in, for files. It has `${env:NAME}`
   * instead of the values of environment variables.
   */
  readonly resolved: Readonly<Record<string, unknown>>;
  /** A short hash of each environment variable in `resolved`, by the variable's name. */
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * A plan that contains the features. In other plans, the features may be unknown, because they
 * depend on the columns of the data, which has not been opened yet.
 */
export interface CompletePlan extends Plan {
  /** The features by name, each with its column's options. */
  readonly features: Readonly<Record<string, FeatureOptions>>;
}
