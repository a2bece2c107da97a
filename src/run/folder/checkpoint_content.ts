/**
 * The content of a checkpoint in addition to its tensors: the position of the run.
 *
 * @module
 */

import { z } from "zod";
import { isSealed, sealJson } from "../../base/files/sealed_json.ts";
import type {
  GradientNorms,
  InputResult,
  JobName,
  Metrics,
  PhaseResult,
  Result,
} from "../../stages/events.ts";
import type { MetricValue } from "../../stages/metric.ts";
import { metricsFromJson, metricsToJson } from "../../stages/metrics_json.ts";

/** The best epoch of a job so far, with the value of the metric that selects it. */
export interface BestEpoch {
  /** The number of the epoch, from 1. */
  readonly epoch: number;
  /** The key of the metric that selects the best epoch; `epoch` if the latest one is the best. */
  readonly metric: string;
  /** The value of this metric. */
  readonly value: MetricValue;
  /** The metrics of that epoch on the test split. */
  readonly test: Metrics;
}

/** The best value so far of the metric that decides whether training ends early. */
export interface BestValue {
  /** The epoch with this value, from 1. */
  readonly epoch: number;
  /** The key of the metric. */
  readonly metric: string;
  /** The value of the metric. */
  readonly value: number;
}

/** The losses of the current epoch, summed over rows, each multiplied by its weight. */
export interface LossSums {
  /** The number of rows so far. */
  readonly rows: number;
  /** The sum of their weights; by default, their number. */
  readonly weight?: number | undefined;
  /** The sum of the total loss. */
  readonly total: number;
  /** The sum of each loss term by name, before its weight is applied. */
  readonly terms: Readonly<Record<string, number>>;
  /**
   * The sum of the weights of the rows of each loss term, if nulls mask the label of some; by
   * default, all rows count.
   */
  readonly termWeights?: Readonly<Record<string, number>> | undefined;
  /** The sum of the gradient norms. */
  readonly gradientNorm: number;
  /** The learning rate of the last step. */
  readonly learningRate: number;
}

/**
 * What rollbacks have changed in a phase with `nonFinite: back`: the learning rate, and the batches
 * to skip.
 */
export interface Rollback {
  /** The number of the phase, from 0. */
  readonly phase: number;
  /** The number of rollbacks so far. */
  readonly times: number;
  /** The factor by which the learning rate is multiplied after the rollbacks. */
  readonly factor: number;
  /** The steps whose batches are skipped, from 1. */
  readonly without: readonly number[];
}

/** The position of a job at the start of its current phase. */
export interface PhaseStart {
  /** The number of the phase, from 0. */
  readonly phase: number;
  /** The number of completed epochs. */
  readonly epochs: number;
  /** The number of completed steps. */
  readonly step: number;
  /** The number of skipped steps. */
  readonly skipped: number;
  /** Seconds of training, evaluation included. */
  readonly seconds: number;
  /**
   * The number of steps that an earlier run's optimizer took, if its state is continued; else 0.
   */
  readonly optimizerSteps: number;
}

/**
 * The position of a job between two training steps. Together with the seed and the tensors, it
 * determines all further steps.
 */
export interface JobPosition {
  /** The current phase, and the position at its start. */
  readonly start: PhaseStart;
  /** The results of the previous phases. */
  readonly phases: readonly PhaseResult[];
  /** The number of completed epochs over all phases, evaluations included. */
  readonly epochs: number;
  /** The number of completed batches in the current epoch. */
  readonly batches: number;
  /** The number of completed steps over all phases. */
  readonly step: number;
  /** The number of skipped steps over all phases. */
  readonly skipped: number;
  /** The number of steps that were skipped in a row just before this position. */
  readonly skippedInARow: number;
  /** Seconds of training so far, evaluation included. */
  readonly seconds: number;
  /**
   * Seconds spent in steps, the seconds of those spent waiting for data, and the number of rows of
   * the steps.
   */
  readonly time: { readonly training: number; readonly waiting: number; readonly rows: number };
  /** The losses of the current epoch. */
  readonly losses: LossSums;
  /** The best epoch of the phase so far. */
  readonly best: BestEpoch | undefined;
  /** The last rollback after non-finite losses or gradients, if there was one. */
  readonly rollback?: Rollback | undefined;
  /** The best value so far of the metric that decides whether training ends early. */
  readonly stop?: BestValue | undefined;
  /**
   * The metrics of each evaluation of the phase on the split that selects the best epoch, by key,
   * for schedules; null without a value.
   */
  readonly evaluations: Readonly<Record<string, readonly (number | null)[]>>;
  /** The latest metrics of each split. */
  readonly metrics: Readonly<Record<string, Metrics>>;
}

/** The result of a job, such as its metrics on the test split. */
export interface JobResult extends
  Pick<
    Result,
    "epochs" | "steps" | "skipped" | "seconds" | "test" | "best" | "stopped" | "phases"
  > {
  /** The speed of the steps, and the fraction of the time spent waiting for data. */
  readonly input: InputResult;
  /** The gradient norms of the first batch of the last phase. */
  readonly gradients: readonly GradientNorms[];
}

/** The content of a checkpoint in addition to its tensors. */
export interface CheckpointContent {
  /** The job of the run that wrote the checkpoint. */
  readonly job: JobName;
  /** The position of the job. */
  readonly position: JobPosition;
  /** The gradient norms of the phase's first batch. */
  readonly gradients: readonly GradientNorms[];
  /**
   * The result of the joint training, in checkpoints of the job that trains the light net alone.
   */
  readonly rocket?: JobResult;
  /**
   * Facts about the run: its pipeline with defaults filled in, seed, engine, precision, versions,
   * and data.
   */
  readonly run: unknown;
}

/** The content of a checkpoint's JSON file. */
export interface CheckpointFile extends CheckpointContent {
  /** The version of the file format. */
  readonly version: 1;
  /** The hash in the run's `model.json`, to which the weights belong. */
  readonly modelSha256?: string;
  /** The SHA-256 hash of the checkpoint's safetensors file, in hexadecimal. */
  readonly sha256: string;
  /** The size of the safetensors file, in bytes. */
  readonly bytes: number;
  /** Whether the checkpoint is kept when later checkpoints replace others. */
  readonly forever: boolean;
}

const count = z.int().nonnegative(), seconds = z.number().nonnegative();

/** A number that may be NaN or infinite, as losses can be. */
const anyNumber = z.custom<number>((value) => typeof value === "number", "expected a number");

const metrics = z.record(
  z.string(),
  z.union([anyNumber, z.looseObject({ undefined: z.string() })], { error: "expected a metric" }),
);
const metricValue = metrics.valueType, metricsByName = z.record(z.string(), metrics);

const gradients = z.array(
  z.looseObject({ loss: z.string(), norms: z.record(z.string(), anyNumber) }),
);

const result = {
  epochs: count,
  steps: count,
  skipped: count,
  seconds,
  test: metricsByName,
  best: z.looseObject({
    epoch: count,
    split: z.string(),
    metric: z.string(),
    value: metricValue,
    test: metricsByName,
  }),
  gradients,
};

const phases = z.array(
  z.looseObject({
    ...result,
    name: z.string(),
    nets: z.array(z.string()),
    frozen: z.array(z.string()),
  }),
);

const position = z.looseObject({
  start: z.looseObject({
    phase: count,
    epochs: count,
    step: count,
    skipped: count,
    seconds,
    optimizerSteps: count,
  }),
  phases,
  epochs: count,
  batches: count,
  step: count,
  skipped: count,
  skippedInARow: count,
  seconds,
  time: z.looseObject({ training: seconds, waiting: seconds, rows: count }),
  losses: z.looseObject({
    rows: count,
    weight: anyNumber.optional(),
    total: anyNumber,
    terms: z.record(z.string(), anyNumber),
    termWeights: z.record(z.string(), anyNumber).optional(),
    gradientNorm: anyNumber,
    learningRate: anyNumber,
  }),
  best: z.looseObject({ epoch: count, metric: z.string(), value: metricValue, test: metrics })
    .optional(),
  rollback: z.looseObject({
    phase: count,
    times: count.positive(),
    factor: z.number(),
    without: z.array(count.positive()),
  }).optional(),
  stop: z.looseObject({ epoch: count, metric: z.string(), value: anyNumber }).optional(),
  evaluations: z.record(z.string(), z.array(anyNumber.nullable())),
  metrics: metricsByName,
}).refine(
  // A position that contradicts itself could make the run train forever.
  ({ start, phases, epochs, step, skipped }) => {
    const done = (of: "epochs" | "steps" | "skipped") =>
      phases.reduce((sum, phase) => sum + phase[of], 0);
    return phases.length === start.phase && done("epochs") === start.epochs &&
      done("steps") === start.step && done("skipped") === start.skipped &&
      start.epochs <= epochs && start.step <= step && start.skipped <= skipped &&
      skipped <= step && (start.phase === 0 || start.optimizerSteps === 0);
  },
  "its numbers of epochs and steps contradict each other",
).refine(
  ({ start, phases, epochs, best, stop }) =>
    phases.every(({ best }) => best.epoch <= start.epochs) &&
    [best, stop].every((one) => !one || one.epoch > start.epochs && one.epoch <= epochs),
  "its best epochs contradict its number of epochs",
).refine(
  ({ start, batches, skipped, skippedInARow, losses, time }) =>
    skippedInARow <= skipped - start.skipped && losses.rows <= time.rows &&
    (batches > 0 || losses.rows === 0),
  "its numbers of batches, rows, and skipped steps contradict each other",
).refine(
  // A rollback halves the learning rate, and leaves out one step.
  ({ start, rollback }) =>
    !rollback || rollback.phase <= start.phase && rollback.without.length === rollback.times &&
      rollback.factor === 2 ** -rollback.times,
  "its rollback contradicts itself",
).refine(
  // Schedules compute learning rates from these values.
  ({ start, epochs, evaluations, metrics: { validation, test } }) => {
    const last = validation ?? test;
    return Object.entries(evaluations).every(([key, values]) => {
      if (values.length > epochs - start.epochs) return false;
      if (last === undefined) return true;
      const value = last[key];
      return Object.is(values.at(-1), typeof value === "number" ? value : null);
    });
  },
  "its evaluations contradict its epochs and metrics",
);

/** What a run needs of a checkpoint's JSON file, which may come from someone else. */
const fileSchema = z.looseObject({
  job: z.enum(["rocket", "light-alone"]),
  position,
  gradients,
  rocket: z.looseObject({
    ...result,
    input: z.looseObject({ waitingShare: z.number(), rowsPerSecond: z.number() }),
    phases: phases.optional(),
  }).optional(),
  modelSha256: z.string().optional(),
  sha256: z.string(),
  bytes: count,
  forever: z.boolean(),
});

/**
 * Encodes a checkpoint's JSON file. Metrics without a value are null, with their reasons beside
 * them. Sums of losses may be infinite or NaN, which JSON cannot represent: they become
 * `{ "number": "NaN" }`. The last line is the hash of all lines before it, so that a flipped bit is
 * detected in this file as well.
 *
 * @param file The content of the file.
 */
export function encodeContent(file: CheckpointFile): string {
  const text = JSON.stringify(
    metricsToJson(file),
    (_key, value) =>
      typeof value === "number" && !Number.isFinite(value) ? { number: String(value) } : value,
    2,
  );
  return sealJson(text);
}

/**
 * Decodes a checkpoint's JSON file.
 *
 * @param text The file's text.
 * @throws {TypeError} If the text is not from a checkpoint, has changed since it was written, or
 *   contradicts itself.
 */
export function decodeContent(text: string): CheckpointFile {
  if (!isSealed(text)) throw new TypeError("its JSON file has a wrong checksum");
  const file: Partial<CheckpointFile> = metricsFromJson(JSON.parse(text, (_key, value) => {
    const number = Object(value).number;
    return ["NaN", "Infinity", "-Infinity"].includes(number) ? Number(number) : value;
  }));
  if (file.version !== 1) throw new TypeError("it has another format version");
  const { error } = fileSchema.safeParse(file);
  if (error) {
    const [issue] = error.issues;
    throw new TypeError(`its JSON file has ${issue!.path.join(".")}: ${issue!.message}`);
  }
  return file as CheckpointFile;
}
