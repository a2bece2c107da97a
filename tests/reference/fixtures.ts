/**
 * Reads what the Python scripts of this folder have written, and compares with it.
 *
 * @module
 */

import { assert } from "@std/assert";
import { referenceIntegers, referenceUniform, sampleIndices } from "./values.ts";

/** A net's name. */
export type Net = "light" | "booster";

/** How nets share layers. */
export type Sharing = "interval" | "bottom" | "none";

/** What is kept of a large tensor. */
export interface Summary {
  /** Its L2 norm. */
  readonly norm: number;
  /** The sum of its elements. */
  readonly sum: number;
  /** Its elements at {@linkcode sampleIndices}. */
  readonly samples: readonly number[];
}

/** The first step from the starting values. */
export interface FirstStep {
  /** Which batch it is, for {@linkcode referenceBatch}. */
  readonly firstBatch: number;
  /** The logits in training, `[batch, classes]`. */
  readonly logits: Readonly<Record<Net, readonly (readonly number[])[]>>;
  /** The terms, weights included, and their sum. */
  readonly losses: Readonly<Record<"ceLight" | "ceBooster" | "hint" | "total", number>>;
  /** The norm of each term's gradient over the variables of each owner; 0 where it is blocked. */
  readonly gradientNorms: Readonly<
    Record<"ceLight" | "ceBooster" | "hint", Readonly<Record<Net | "shared", number>>>
  >;
  /** The gradient of the total loss by trainable variable. */
  readonly gradients: Readonly<Record<string, Summary>>;
}

/** Ten steps of SGD from the starting values. */
export interface TrainingRun {
  /** The optimizer's options. */
  readonly options: {
    readonly learningRate: number;
    readonly momentum: number;
    readonly weightDecay: number;
    readonly nesterov: boolean;
  };
  /** The batch of the first step; the next batch is the next number. */
  readonly firstBatch: number;
  /** The terms at each step, before its update: light, booster, hint. */
  readonly losses: readonly (readonly [ceLight: number, ceBooster: number, hint: number])[];
  /** The logits of the batch `evaluation` after the steps, with running statistics. */
  readonly logits: Readonly<Record<Net, readonly (readonly number[])[]>>;
  /** All variables after the steps, running statistics included. */
  readonly variables: Readonly<Record<string, Summary>>;
}

/** What comes out under one gradient policy. */
export interface PolicyReference {
  /** The first step. */
  readonly firstStep: FirstStep;
  /** Ten steps with momentum. */
  readonly momentum: TrainingRun;
}

/** Wide residual nets that share in one way. */
export interface WideResnetReference {
  /** The nets and the data. */
  readonly case: {
    readonly sharing: Sharing;
    /** Left out with bottom sharing, where the light net is the booster's first two groups. */
    readonly light?: { readonly depth: number; readonly width: number };
    readonly booster: { readonly depth: number; readonly width: number };
    readonly image: readonly [height: number, width: number, channels: number];
    readonly batch: number;
    readonly classes: number;
    readonly hintWeight: number;
  };
  /** All variables, and the checksums of their starting values. */
  readonly variables: Readonly<
    Record<string, {
      readonly shape: readonly number[];
      readonly owner: Net | "shared";
      readonly trainable: boolean;
      readonly checksum: number;
    }>
  >;
  /** The checksum of the images and the labels of some batches, by name. */
  readonly batches: Readonly<
    Record<"batch0" | "batch9" | "evaluation", {
      readonly image: number;
      readonly label: readonly number[];
    }>
  >;
  /** The hint does not reach the booster's own variables. */
  readonly block: PolicyReference & {
    /** Ten steps with Nesterov's momentum; with `interval` only. */
    readonly nesterov?: TrainingRun;
  };
  /** The hint reaches both nets. */
  readonly pass: PolicyReference;
  /** As `block`, and no loss of the light net reaches shared variables; with `interval` only. */
  readonly own?: Pick<PolicyReference, "firstStep">;
}

/** Runs of optimizers on ½ Σ curvature · (w − target)², and schedules over epochs from 0. */
export interface OptimizersReference {
  /** By optimizer: the formula, and runs by name with the tensors after each step, flat. */
  readonly optimizers: Readonly<
    Record<"sgd" | "adam" | "adamw" | "adagrad", {
      readonly formula: string;
      readonly runs: Readonly<
        Record<string, {
          readonly options: Readonly<Record<string, number | boolean>>;
          readonly steps: readonly Readonly<Record<"matrix" | "vector", readonly number[]>>[];
        }>
      >;
    }>
  >;
  /**
   * One step from given moments and weights of 0, at steps from the first to the millionth, with
   * nine digits.
   */
  readonly late: Readonly<
    Record<
      "adam" | "adamw",
      Readonly<
        Record<string, {
          readonly options: Readonly<Record<string, number>>;
          readonly steps: readonly {
            readonly step: number;
            readonly weights: readonly number[];
          }[];
        }>
      >
    >
  >;
  /** The rates of 20 epochs from a base rate of 0.1. */
  readonly schedules: Readonly<
    Record<"steps" | "cosine" | "cosineTo" | "warmUpCosine" | "warmUpSteps", {
      readonly formula: string;
      readonly options: Readonly<Record<string, number | readonly number[]>>;
      readonly rates: readonly number[];
    }>
  >;
}

/** A loss of one pair of logits. */
export interface LossReference {
  /** What it is. */
  readonly formula: string;
  /** Its value, weight 1. */
  readonly value: number;
  /** Its gradients by input, `[rows, units]`: `on`, or `from` and `to`. */
  readonly gradients: Readonly<Record<string, readonly (readonly number[])[]>>;
}

/** Losses by `units1`, `units2`, `units5`, then by range of the logits: `range3`, `range60`. */
export type LossesReference = Readonly<
  Record<
    string,
    Readonly<
      Record<string, {
        readonly rows: number;
        readonly task: Readonly<Record<string, LossReference>>;
        readonly hint: Readonly<Record<string, LossReference>>;
      }>
    >
  >
>;

/** A distillation loss of two outputs, with options and variables. */
export interface DistillationCase {
  /** The stage's name. */
  readonly stage: string;
  readonly rows: number;
  /** The options, as a pipeline file has them. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Outputs are in [−bound, bound), variables in [−½, ½). */
  readonly bound: number;
  /** The shapes, of `from` and `to` without the batch, then of the loss's variables by name. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** The loss, a mean over rows where it has one a row. */
  readonly value: number;
  /** Its gradients by output and variable, flat. */
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

/** The total loss of two nets, each of five logits, with its gradients by logits, flat. */
export interface TotalReference {
  readonly rows: number;
  readonly value: number;
  readonly light: readonly number[];
  readonly booster: readonly number[];
}

/** Losses of distillation by name, and total losses of several terms. */
export interface DistillationReference {
  readonly losses: Readonly<Record<string, DistillationCase>>;
  readonly totals: Readonly<Record<"rocket with kd" | "kd" | "mutual", TotalReference>>;
}

/** Values of nets for clicks. */
export type CtrReference = Readonly<
  Record<"prelu" | "dice", {
    /** The logits, `[batch]`, of both nets. */
    readonly training: Readonly<Record<Net, readonly number[]>>;
    readonly evaluation: Readonly<Record<Net, readonly number[]>>;
    /** The sum of both nets' losses while training, and its gradients by variable. */
    readonly loss: number;
    readonly gradients: Readonly<Record<string, Summary>>;
    /** Running statistics after the step. */
    readonly next: Readonly<Record<string, readonly number[]>>;
  }>
>;

/** Values of DeepFM, and of DCN-V2 with full matrices and with matrices of low rank. */
export type ClickNetsReference = Readonly<
  Record<"deepfm" | "dcn" | "dcn low rank", {
    /** The logits, `[batch]`, of both nets. */
    readonly logits: Readonly<Record<Net, readonly number[]>>;
    /** The sum of both nets' losses, and its gradients by variable. */
    readonly loss: number;
    readonly gradients: Readonly<Record<string, Summary>>;
  }>
>;

/** Values of metrics. */
export interface MetricsReference {
  /** Areas under the ROC curve and average precisions, by the scores. */
  readonly ranked:
    & { readonly rows: number }
    & Readonly<
      Record<
        "distinct" | "tied" | "constant" | "perfect" | "reversed",
        Readonly<Record<"auc" | "averagePrecision", number>>
      >
    >;
  /**
   * Accuracies and F1 of the light net, its agreement with the booster, and its confusion matrix as
   * fractions of the rows of each label.
   */
  readonly classification:
    & Readonly<
      Record<
        | "rows"
        | "classes"
        | "accuracy"
        | "top1"
        | "top3"
        | "top5"
        | "agreement"
        | "macroF1"
        | "microF1",
        number
      >
    >
    & { readonly confusion: readonly (readonly number[])[] };
  /** Metrics of clicks; `users` of the `groups` have rows of both classes. */
  readonly clicks:
    & Readonly<
      Record<
        | "rows"
        | "groups"
        | "users"
        | "gauc"
        | "gaucLow"
        | "gaucHigh"
        | "logLoss"
        | "weightedLogLoss"
        | "normalizedEntropy"
        | "weightedNormalizedEntropy"
        | "binaryF1"
        | "macroF1"
        | "rootMeanSquaredError"
        | "ratio"
        | "ece",
        number
      >
    >
    & {
      /** NDCG by label, gain and k, such as `number exponential 3`. */
      readonly ndcg: Readonly<Record<string, number>>;
    };
}

/** Gradients that are linear in {@linkcode referenceUniform}'s `clipping/NAME`, and shortened. */
export interface ClippingReference {
  /** The table's rows, and the numbers of each. */
  readonly rows: number;
  readonly size: number;
  /** The rows that are used. */
  readonly ids: readonly number[];
  /** The shapes of all other variables. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** Whose the variables are, the `table` among them. */
  readonly owners: Readonly<Record<string, Net | "shared">>;
  readonly cases: readonly {
    readonly norm: number;
    readonly per: "all" | "owner";
    /** The norm of all gradients before. */
    readonly total: number;
    /** The gradients after, flat; the table's with all its rows. */
    readonly gradients: Readonly<Record<string, readonly number[]>>;
  }[];
}

type JsonObject = { [key: string]: unknown };

/** Fixtures are JSON lines: objects that merge into one. */
async function readFixture(name: string): Promise<unknown> {
  const text = await Deno.readTextFile(new URL(`./${name}.jsonl`, import.meta.url));
  const result: JsonObject = {};
  for (const line of text.trimEnd().split("\n")) merge(result, JSON.parse(line));
  return result;
}

function merge(target: JsonObject, part: JsonObject): void {
  for (const [key, value] of Object.entries(part)) {
    const known = target[key];
    if (isObject(known) && isObject(value)) merge(known, value);
    else target[key] = value;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The values of wrn.py for one way of sharing. */
export async function readWideResnetReference(sharing: Sharing): Promise<WideResnetReference> {
  return await readFixture(`wrn_${sharing}`) as WideResnetReference;
}

/** The values of optimizers.py. */
export async function readOptimizersReference(): Promise<OptimizersReference> {
  return await readFixture("optimizers") as OptimizersReference;
}

/** Learning rates of ReduceLROnPlateau before the first evaluation and after each, by plateau.py. */
export interface PlateauReference {
  readonly cases: Readonly<
    Record<string, {
      readonly mode: "max" | "min";
      readonly metrics: readonly (number | null)[];
      readonly options: {
        readonly patience: number;
        readonly factor?: number;
        readonly threshold?: number;
        readonly threshold_mode?: "rel" | "abs";
        readonly cooldown?: number;
        readonly min_lr?: number;
      };
      readonly rates: readonly number[];
    }>
  >;
}

/** The values of plateau.py. */
export async function readPlateauReference(): Promise<PlateauReference> {
  return await readFixture("plateau") as PlateauReference;
}

/** Fifty steps of optimizers on an embedding table, by tables.py: the table's rows after them. */
export interface TablesReference {
  /** By optimizer: its options, and the table if only the rows that are read move, or all. */
  readonly runs: Readonly<
    Record<string, {
      readonly options: {
        readonly lr: number;
        readonly momentum?: number;
        readonly nesterov?: boolean;
        readonly weight_decay: number;
      };
      readonly lazy: readonly (readonly number[])[];
      readonly exact: readonly (readonly number[])[];
    }>
  >;
  /** The table after SparseAdam. */
  readonly sparseAdam: readonly (readonly number[])[];
  /** The table after Adam with an L2 penalty on the rows that are read, or on all. */
  readonly penalized: {
    readonly embeddingL2: number;
    readonly lr: number;
    readonly lazy: readonly (readonly number[])[];
    readonly exact: readonly (readonly number[])[];
  };
}

/** The values of tables.py. */
export async function readTablesReference(): Promise<TablesReference> {
  return await readFixture("tables") as TablesReference;
}

/** The values of losses.py. */
export async function readLossesReference(): Promise<LossesReference> {
  return await readFixture("losses") as LossesReference;
}

/** The values of distillation.py. */
export async function readDistillationReference(): Promise<DistillationReference> {
  return await readFixture("distillation") as DistillationReference;
}

/** Two nets with an auxiliary head of the light net, over some steps of SGD. */
export interface AuxiliaryReference {
  /** The factor of the head's gradient. */
  readonly gradient: number;
  /** The weight of the hint. */
  readonly weight: number;
  /** The factor of the teacher's probability, or of its logits. */
  readonly scale: number;
  /** The losses before each step: of both nets on the label, and of the hint with its weight. */
  readonly losses: readonly (readonly [light: number, booster: number, hint: number])[];
  /** The variables after the steps. */
  readonly variables: Readonly<Record<string, Summary>>;
}

/** The values of auxiliary.py: for one logit, and for four classes. */
export async function readAuxiliaryReference(): Promise<
  Readonly<Record<"click" | "classes", AuxiliaryReference>>
> {
  return await readFixture("auxiliary") as Record<"click" | "classes", AuxiliaryReference>;
}

/** The values of click_nets.py, by family. */
export async function readClickNetsReference(): Promise<ClickNetsReference> {
  return await readFixture("click_nets") as ClickNetsReference;
}

/** The values of ctr.py, by activation. */
export async function readCtrReference(): Promise<CtrReference> {
  return await readFixture("ctr") as CtrReference;
}

/** The values of metrics.py. */
export async function readMetricsReference(): Promise<MetricsReference> {
  return await readFixture("metrics") as MetricsReference;
}

/** The values of multi_label.py. */
export interface MultiLabelReference {
  /** Losses of each row and the gradient of their mean, by loss, for logits up to a bound. */
  readonly losses: Readonly<
    Record<
      string,
      readonly {
        readonly bound: number;
        readonly losses: readonly number[];
        readonly gradient: readonly number[];
      }[]
    >
  >;
  /** Steps with a multi-label label alone, and beside a binary label. */
  readonly single: MultiLabelTraining;
  readonly several: MultiLabelTraining;
  readonly metrics: Readonly<Record<string, number>>;
}

/** Losses in some steps of training, with the total first; and the variables at the end. */
export interface MultiLabelTraining {
  readonly steps: readonly (readonly number[])[];
  readonly variables: Readonly<Record<string, readonly number[]>>;
}

/** The values of multi_label.py. */
export async function readMultiLabelReference(): Promise<MultiLabelReference> {
  return await readFixture("multi_label") as MultiLabelReference;
}

/** The values of clipping.py. */
export async function readClippingReference(): Promise<ClippingReference> {
  return (await readFixture("clipping") as { clipping: ClippingReference }).clipping;
}

/** The logits of pretrained.py, by module. */
export async function readPretrainedReference(): Promise<
  Readonly<Record<"wrn" | "mlp", Numbers>>
> {
  return await readFixture("pretrained") as Record<"wrn" | "mlp", Numbers>;
}

/** Two settings of a sweep, as SciPy compares them; `paired.py` makes it. */
export interface PairedReference {
  readonly mean: number;
  readonly deviation: number;
  readonly difference: number;
  readonly low: number;
  readonly high: number;
}

/** Reads `paired.jsonl`: the reference by the number of seeds. */
export async function readPairedReference(): Promise<Readonly<Record<string, PairedReference>>> {
  return await readFixture("paired") as Readonly<Record<string, PairedReference>>;
}

/** Images, and what PyTorch makes of them; `resize.py` makes it. */
export interface ResizeReference {
  readonly cases: readonly {
    readonly mode: "area" | "bilinear";
    /** The shape of an image, `[height, width, channels]`. */
    readonly shape: readonly [number, number, number];
    /** The height and width that it gets. */
    readonly to: readonly [number, number];
    /** The two images that come out, flat. */
    readonly values: readonly number[];
  }[];
}

/** Reads `resize.jsonl`. */
export async function readResizeReference(): Promise<ResizeReference> {
  return await readFixture("resize") as ResizeReference;
}

/**
 * A batch of a {@linkcode WideResnetReference}.
 *
 * @param reference The nets.
 * @param index The number of a training batch, or `evaluation`.
 * @returns Images `[batch, height, width, channels]`, row by row, and classes `[batch]`.
 */
export function referenceBatch(
  { case: { batch, image, classes } }: WideResnetReference,
  index: number | "evaluation",
): { image: Float32Array; label: Int32Array } {
  const name = typeof index === "number" ? `batch${index}` : index;
  return {
    image: referenceUniform(`${name}/image`, [batch, ...image], -1.75, 1.75),
    label: referenceIntegers(`${name}/label`, batch, classes),
  };
}

/**
 * The logits of a {@linkcode LossesReference}, `[rows, units]`; a task loss is on those of `to`.
 *
 * @param side Which logits.
 * @param units The units.
 * @param range They are in [−range, range).
 * @param rows The rows.
 */
export function referenceLogits(
  side: "from" | "to",
  units: number,
  range: number,
  rows: number,
): Float32Array {
  return referenceUniform(
    `losses/${side}/units${units}/range${range}`,
    [rows, units],
    -range,
    range,
  );
}

/**
 * The labels of a {@linkcode LossesReference}: classes, or 0 and 1 for one unit.
 *
 * @param units The units.
 * @param rows The rows.
 */
export function referenceLabels(units: number, rows: number): Int32Array {
  return referenceIntegers(`losses/label/units${units}`, rows, Math.max(units, 2));
}

/**
 * The inputs of a {@linkcode DistillationCase}, flat, by the names that its shapes have.
 *
 * @param name The case's name.
 * @param reference The case.
 */
export function distillationInputs(
  name: string,
  { shapes, rows, bound }: DistillationCase,
): Record<string, Float32Array> {
  return Object.fromEntries(
    Object.entries(shapes).map(([input, shape]) => {
      const output = input === "from" || input === "to";
      const [full, range] = output ? [[rows, ...shape], bound] : [shape, 0.5];
      return [input, referenceUniform(`distillation/${name}/${input}`, full, -range, range)];
    }),
  );
}

/**
 * The labels of a {@linkcode DistillationReference}.
 *
 * @param classes How many classes.
 * @param rows The rows.
 */
export function distillationLabels(classes: number, rows: number): Int32Array {
  return referenceIntegers(`distillation/label${classes}`, rows, classes);
}

/**
 * The problem of an {@linkcode OptimizersReference}: the gradient is curvature · (w − target).
 *
 * @param tensor Which tensor.
 * @returns Its shape, where w starts, and the problem's constants.
 */
export function optimizerProblem(tensor: "matrix" | "vector"): {
  shape: number[];
  start: Float32Array;
  target: Float32Array;
  curvature: Float32Array;
} {
  const shape = tensor === "matrix" ? [3, 4] : [5];
  const part = (name: string, low: number, high: number) =>
    referenceUniform(`optimizer/${tensor}/${name}`, shape, low, high);
  return {
    shape,
    start: part("start", -1, 1),
    target: part("target", -1, 1),
    curvature: part("curvature", 0.2, 2),
  };
}

/** Numbers in rows or in one list. */
export type Numbers = readonly (number | readonly number[])[];

function rootMeanSquare(values: readonly number[]): number {
  return Math.hypot(...values) / Math.sqrt(values.length);
}

/**
 * Throws unless all numbers are near those expected, relative to the greater of the number itself
 * and the root mean square of all.
 *
 * @param name What is compared, for the message.
 * @param actual The numbers, row by row.
 * @param expected The reference.
 * @param tolerance The relative difference that passes.
 */
export function assertNear(
  name: string,
  actual: ArrayLike<number>,
  expected: Numbers,
  tolerance = 1e-4,
): void {
  const reference = expected.flat();
  assert(
    actual.length === reference.length,
    `${name} has ${actual.length} numbers, the reference ${reference.length}`,
  );
  const floor = rootMeanSquare(reference);
  reference.forEach((value, index) =>
    assertWithin(
      `${name}[${index}]`,
      actual[index]!,
      value,
      tolerance * Math.max(Math.abs(value), floor),
    )
  );
}

/**
 * Throws unless a tensor is near a summary: its norm and samples as in {@linkcode assertNear}, its
 * sum relative to what it could be at that norm.
 *
 * @param name What is compared, for the message.
 * @param actual The tensor, row by row.
 * @param expected The reference.
 * @param tolerance The relative difference that passes.
 */
export function assertSummary(
  name: string,
  actual: ArrayLike<number>,
  expected: Summary,
  tolerance = 1e-4,
): void {
  const size = actual.length;
  let squares = 0, sum = 0;
  for (let index = 0; index < size; index++) {
    squares += actual[index]! ** 2;
    sum += actual[index]!;
  }
  const floor = expected.norm / Math.sqrt(size);
  assertWithin(`norm of ${name}`, Math.sqrt(squares), expected.norm, tolerance * expected.norm);
  assertWithin(`sum of ${name}`, sum, expected.sum, tolerance * expected.norm * Math.sqrt(size));
  sampleIndices(size).forEach((index, k) => {
    const value = expected.samples[k]!;
    assertWithin(
      `${name}[${index}]`,
      actual[index]!,
      value,
      tolerance * Math.max(Math.abs(value), floor),
    );
  });
}

function assertWithin(name: string, actual: number, expected: number, allowed: number): void {
  const difference = Math.abs(actual - expected);
  assert(
    difference <= allowed,
    `${name} is ${actual}, the reference ${expected}: off by ${difference}, ${allowed} allowed`,
  );
}

/** A hint from a column of probabilities: the mean loss, and its gradient for the student, flat. */
export interface TeacherReference {
  readonly loss: number;
  readonly gradient: readonly number[];
}

/** Reads `teachers.jsonl`: the cases by stage, number of logits, and whether rows are skipped. */
export async function readTeachersReference(): Promise<Readonly<Record<string, TeacherReference>>> {
  return await readFixture("teachers") as Record<string, TeacherReference>;
}

/** A loss by group with its gradients; `ranking.py` makes it. */
export interface RankingReference {
  readonly stage: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly label: "binary" | "number";
  readonly value: number;
  /** The gradient by each input, `[rows, units]`. */
  readonly gradients: Readonly<Record<string, readonly (readonly number[])[]>>;
}

/** The number of rows of the cases of `ranking.py`, and of their groups. */
const rankingRows = 24, rankingGroups = 7;

/** Reads `ranking.jsonl`: the cases by the number of logits and the range of their values. */
export async function readRankingReference(): Promise<
  Readonly<Record<string, Readonly<Record<string, readonly RankingReference[]>>>>
> {
  return await readFixture("ranking") as Record<string, Record<string, RankingReference[]>>;
}

/**
 * The inputs of the cases of `ranking.py`.
 *
 * @param units The number of logits.
 * @param bound The range of their values.
 * @param label The kind of label.
 */
export function rankingInputs(units: number, bound: number, label: RankingReference["label"]) {
  const logits = (name: string) =>
    referenceUniform(
      `ranking/${name}/units${units}/range${bound}`,
      [rankingRows, units],
      -bound,
      bound,
    );
  return {
    rows: rankingRows,
    from: logits("from"),
    to: logits("to"),
    groups: referenceIntegers("ranking/group", rankingRows, rankingGroups),
    label: referenceIntegers(`ranking/label/${label}`, rankingRows, label === "number" ? 5 : 2),
  };
}
