import type { Column, LabelSpec, Values } from "./batch.ts";
import type { NetName } from "./network.ts";
import {
  type Create,
  defineStage,
  type OptionsSchema,
  type Stage,
  type StageDefinition,
} from "./stage.ts";

/** A metric that has no value, and why. */
export interface UndefinedMetric {
  /** Why, in a few words: `one class`. */
  readonly undefined: string;
}

/** What a metric came to: a finite number, or the reason why there is none. */
export type MetricValue = number | UndefinedMetric;

/**
 * What a metric returns where it has no value.
 *
 * @param reason Why, in a few words: `one class`. Results show it as `undefined (one class)`.
 */
export function undefinedMetric(reason: string): UndefinedMetric {
  return { undefined: reason };
}

/**
 * Whether something is the value of a metric that has none.
 *
 * @param value Anything.
 */
export function isUndefinedMetric(value: unknown): value is UndefinedMetric {
  return typeof value === "object" && value !== null && Object.keys(value).length === 1 &&
    typeof (value as Partial<UndefinedMetric>).undefined === "string";
}

/**
 * A number as the value of a metric: NaN and the infinities are no values.
 *
 * @param number The number.
 */
export function metricValue(number: number): MetricValue {
  if (Number.isFinite(number)) return number;
  return undefinedMetric(Number.isNaN(number) ? "not a number" : "infinite");
}

/**
 * The value of a metric for people to read.
 *
 * @param value The value.
 * @param format Writes a number; in four decimals by default.
 * @returns The number, or `undefined (one class)`.
 */
export function formatMetric(
  value: MetricValue,
  format: (value: number) => string = (value) => value.toFixed(4),
): string {
  return typeof value === "number" ? format(value) : `undefined (${value.undefined})`;
}

/**
 * Whether a value is a detail of a metric that has a value of its own, as `light/gauc/users` is of
 * `light/gauc`.
 *
 * @param key The value's key.
 * @param all All values by key.
 */
export function isMetricDetail(key: string, all: Readonly<Record<string, unknown>>): boolean {
  return key.includes("/") && Object.hasOwn(all, key.slice(0, key.lastIndexOf("/")));
}

/** What a metric knows when it is made. */
export interface MetricContext {
  /** The label. */
  readonly label: LabelSpec;
  /** The nets of this run. */
  readonly nets: readonly NetName[];
}

/** What one net said of some rows. */
export interface OutputValues {
  /** The logits: one row after the other, `shape` is `[units]`. */
  readonly logits: Column;
}

/** Some evaluated rows. */
export interface EvaluatedBatch {
  /** How many rows. */
  readonly size: number;
  /** The outputs of the net that is measured; of the light net for a metric of the whole run. */
  readonly outputs: OutputValues;
  /** The outputs of all nets. */
  readonly nets: Readonly<Partial<Record<NetName, OutputValues>>>;
  /** The labels, one a row. */
  readonly label: Values;
  /** How much each row counts in losses; absent where all count alike. */
  readonly weight?: Values | undefined;
  /**
   * The columns of the source that metrics name by a {@linkcode columnOption}, one value a row. Strings are
   * numbers here: within one split equal ones for equal strings.
   */
  readonly columns: Readonly<Record<string, Values>>;
  /** The mean of each loss term over these rows, before its weight, by its name. */
  readonly losses: Readonly<Record<string, number>>;
}

/** A metric that is being gathered over a split. */
export interface Accumulator {
  /**
   * Takes in some rows.
   *
   * @param batch What the nets made of them.
   */
  add(batch: EvaluatedBatch): void;
  /**
   * The metric over all rows so far, or several values by name; of these the one named `""` is the
   * metric itself. Where there is no value, {@linkcode undefinedMetric} says why; NaN and infinity count
   * as undefined, too.
   */
  value(): MetricValue | Readonly<Record<string, MetricValue>>;
}

/** A measure of the nets on a split. */
export interface Metric {
  /** Starts over: one accumulator a split and net. */
  start(): Accumulator;
}

/** A stage that measures. */
export interface MetricStage extends Stage<"metric", MetricContext, Metric> {
  /** `net`: for each net by itself, as `light/accuracy`; `run`: once, under its own name. */
  readonly per: "net" | "run";
  /** Which way is good. */
  readonly better: "higher" | "lower";
  /** The nets that it needs; one that compares both is left out where there is no booster. */
  readonly needs: "light" | "both";
  /** Whether it has a value of its own, or only several by name, none of which epochs are chosen by. */
  readonly values: "one" | "several";
}

/** What the author of a metric writes. */
export type MetricDefinition<Schema extends OptionsSchema> = StageDefinition<Schema> & {
  /** `net` (the default): for each net by itself; `run`: once. */
  readonly per?: "net" | "run";
  /** Which way is good; `higher` by default. */
  readonly better?: "higher" | "lower";
  /** `both` for a metric that compares the nets; `light` by default. */
  readonly needs?: "light" | "both";
  /**
   * `one` (the default): it has a value of its own, which the best epoch may be chosen by. `several`: all
   * its values have names.
   */
  readonly values?: "one" | "several";
  /**
   * Makes the metric.
   *
   * @throws {UserError} If the label does not suit it.
   */
  readonly create: Create<Schema, MetricContext, Metric>;
};

/**
 * Defines a metric, gathered over a split batch by batch in plain numbers.
 *
 * @param definition Its name, options and how it is made.
 * @returns The stage.
 *
 * @example
 * ```ts
 * import { defineMetric, type MetricStage, z } from "@rocket-launching/rocket";
 *
 * const meanLogit: MetricStage = defineMetric({
 *   name: "mean-logit",
 *   summary: "The mean of all logits.",
 *   options: z.object({}),
 *   create: () => ({
 *     start() {
 *       let sum = 0, count = 0;
 *       return {
 *         add({ outputs }) {
 *           for (const value of outputs.logits.values) sum += value;
 *           count += outputs.logits.values.length;
 *         },
 *         value: () => sum / count,
 *       };
 *     },
 *   }),
 * });
 * ```
 */
export function defineMetric<Schema extends OptionsSchema>(
  definition: MetricDefinition<Schema>,
): MetricStage {
  return {
    ...defineStage("metric", definition),
    per: definition.per ?? "net",
    better: definition.better ?? "higher",
    needs: definition.needs ?? "light",
    values: definition.values ?? "one",
  };
}
