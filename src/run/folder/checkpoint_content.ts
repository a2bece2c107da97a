/**
 * What a checkpoint says beside its tensors: where the run stands.
 *
 * @module
 */

import { createHash } from "node:crypto";
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

/** The epoch that was best so far. */
export interface BestEpoch {
  /** Its number, from 1. */
  readonly epoch: number;
  /** What it was chosen by. */
  readonly value: MetricValue;
  /** What was measured on the test split then. */
  readonly test: Metrics;
}

/** The best value so far of the metric that training may end by. */
export interface BestValue {
  /** The epoch that had it, from 1. */
  readonly epoch: number;
  /** The value. */
  readonly value: number;
}

/** The losses of an epoch so far, summed over rows. */
export interface LossSums {
  /** The rows so far. */
  readonly rows: number;
  /** The total loss. */
  readonly total: number;
  /** Each loss term by name, before its weight. */
  readonly terms: Readonly<Record<string, number>>;
}

/** How a job gets past steps whose numbers were not finite. */
export interface Rollback {
  /** The phase that it is in, from 0. */
  readonly phase: number;
  /** How often it has gone back. */
  readonly times: number;
  /** The factor by which the learning rate is multiplied since then. */
  readonly factor: number;
  /** The steps whose batches are left out, from 1. */
  readonly without: readonly number[];
}

/** Where the phase that is under way began. */
export interface PhaseStart {
  /** The phase's number, from 0. */
  readonly phase: number;
  /** The epochs that were done. */
  readonly epochs: number;
  /** The steps that were done. */
  readonly step: number;
  /** How many of them were skipped. */
  readonly skipped: number;
  /** Seconds of training, evaluation included. */
  readonly seconds: number;
  /** How many steps the optimizer's slots had behind them, from an earlier run. */
  readonly optimizerSteps: number;
}

/**
 * Where a job stands between two steps. All else that a step needs follows from it and the seed.
 */
export interface JobPosition {
  /** Which phase is under way, and where it began. */
  readonly start: PhaseStart;
  /** What the phases before ended with. */
  readonly phases: readonly PhaseResult[];
  /** The epochs that are done, of all phases, with their evaluations. */
  readonly epochs: number;
  /** The batches that are done of the epoch after those. */
  readonly batches: number;
  /** The steps that are done. */
  readonly step: number;
  /** How many of them were skipped. */
  readonly skipped: number;
  /** How many of the phase's last steps were skipped in a row. */
  readonly skippedInARow: number;
  /** Seconds of training so far, evaluation included. */
  readonly seconds: number;
  /** Seconds in steps, and of those in waiting for data. */
  readonly time: { readonly training: number; readonly waiting: number };
  /** The losses of the epoch that is under way. */
  readonly losses: LossSums;
  /** The best epoch. */
  readonly best: BestEpoch | undefined;
  /** How it got past steps whose numbers were not finite, if there were any. */
  readonly rollback?: Rollback | undefined;
  /** What the end of training is waiting for to become better. */
  readonly stop?: BestValue | undefined;
  /** The latest metrics of each split. */
  readonly metrics: Readonly<Record<string, Metrics>>;
}

/** What a job ended with. */
export interface JobResult extends
  Pick<
    Result,
    "epochs" | "steps" | "skipped" | "seconds" | "test" | "best" | "stopped" | "phases"
  > {
  /** How its input kept up. */
  readonly input: InputResult;
  /** The gradient norms of the first batch of its last phase. */
  readonly gradients: readonly GradientNorms[];
}

/** What a checkpoint says beside its tensors. */
export interface CheckpointContent {
  /** Which part of the run it is of. */
  readonly job: JobName;
  /** Where that job stands. */
  readonly position: JobPosition;
  /** The gradient norms of the phase's first batch. */
  readonly gradients: readonly GradientNorms[];
  /** What the rocket ended with, while the light net is trained alone. */
  readonly rocket?: JobResult;
  /** The run: its resolved pipeline, seed, engine, precision, versions and data. */
  readonly run: unknown;
}

/** What is in a checkpoint's JSON file. */
export interface CheckpointFile extends CheckpointContent {
  /** The version of this form. */
  readonly version: 1;
  /** The hash of the safetensors file beside it, in hexadecimal. */
  readonly sha256: string;
  /** The bytes of that file. */
  readonly bytes: number;
  /** Whether it stays, whatever comes after it. */
  readonly forever: boolean;
}

/**
 * The text of a checkpoint's JSON file. Metrics without a value are null, with their reasons beside
 * them. JSON has no words for infinity and NaN, which sums of losses may be: they stand as `{
 * "number": "NaN" }`. Its last line is the hash of all before it, so that a flipped bit is noticed
 * here, too.
 *
 * @param file What is in it.
 */
export function encodeContent(file: CheckpointFile): string {
  const text = JSON.stringify(
    metricsToJson(file),
    (_key, value) =>
      typeof value === "number" && !Number.isFinite(value) ? { number: String(value) } : value,
    2,
  );
  const body = text.replace(/\n}$/, ",\n");
  return body + sealOf(body);
}

/** The end of a text, with its hash. */
function sealOf(body: string): string {
  return `  "sha256OfThis": "${createHash("sha256").update(body).digest("hex")}"\n}\n`;
}

/**
 * Reads a checkpoint's JSON file.
 *
 * @param text Its text.
 * @throws {TypeError} If it is not a checkpoint's, or not as it was written.
 */
export function decodeContent(text: string): CheckpointFile {
  const start = text.lastIndexOf('  "sha256OfThis": "');
  const whole = start >= 0 && text.slice(start) === sealOf(text.slice(0, start));
  if (!whole) throw new TypeError("its JSON is not as it was written");
  const file: Partial<CheckpointFile> = metricsFromJson(JSON.parse(text, (_key, value) => {
    const number = Object(value).number;
    return ["NaN", "Infinity", "-Infinity"].includes(number) ? Number(number) : value;
  }));
  if (file.version !== 1) throw new TypeError("it is of another version");
  return file as CheckpointFile;
}
