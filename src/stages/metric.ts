import type { Column, LabelSpec, Values } from "./batch.ts";
import type { NetName } from "./network.ts";
import {
  type Create,
  defineStage,
  oneOf,
  type OptionsSchema,
  type Stage,
  type StageDefinition,
} from "./stage.ts";

/** The value of a metric that is undefined, with the reason. */
export interface UndefinedMetric {
  /** The reason, in a few words: `one class`. */
  readonly undefined: string;
}

/** The value of a metric: a finite number, or the reason why it is undefined. */
export type MetricValue = number | UndefinedMetric;

/**
 * Makes the value that a metric returns if it is undefined.
 *
 * @param reason The reason, in a few words: `one class`. Results show `undefined (one class)`.
 */
export function undefinedMetric(reason: string): UndefinedMetric {
  return { undefined: reason };
}

/**
 * Checks whether a value represents an undefined metric.
 *
 * @param value A value of any type.
 */
export function isUndefinedMetric(value: unknown): value is UndefinedMetric {
  return typeof value === "object" && value !== null && Object.keys(value).length === 1 &&
    typeof (value as Partial<UndefinedMetric>).undefined === "string";
}

/**
 * Turns a number into the value of a metric. NaN and infinite numbers become undefined.
 *
 * @param number The number.
 */
export function metricValue(number: number): MetricValue {
  if (Number.isFinite(number)) return number;
  return undefinedMetric(Number.isNaN(number) ? "not a number" : "infinite");
}

/**
 * Formats the value of a metric for display.
 *
 * @param value The value.
 * @param format Formats a number; with four decimals by default.
 * @returns The number, or `undefined (one class)`.
 */
export function formatMetric(
  value: MetricValue,
  format: (value: number) => string = (value) => value.toFixed(4),
): string {
  return typeof value === "number" ? format(value) : `undefined (${value.undefined})`;
}

/**
 * Checks whether a value of a metric is an additional one (a detail) and not the main value. For
 * example, `light/gauc/users` is a detail of `light/gauc`.
 *
 * @param key The value's key.
 * @param all All values by key.
 */
export function isMetricDetail(key: string, all: Readonly<Record<string, unknown>>): boolean {
  // The name of a detail may contain a slash, such as the name of a class.
  const parts = key.split("/");
  return parts.some((_, count) => count > 0 && Object.hasOwn(all, parts.slice(0, count).join("/")));
}

/** Whether higher or lower values of a metric are better. */
export type Better = "higher" | "lower";

/**
 * Whether higher or lower values are better, for each value of a metric by its name: `""` is the main
 * value, and `"*"` stands for all others that have no entry. A value without a direction is neither
 * better nor worse than another one, such as a ratio that should be 1, or the fraction of users that
 * count.
 */
export type Directions = Readonly<Record<string, Better>>;

/**
 * Finds whether higher or lower values are better for a value of a metric.
 *
 * @param key The value's key, such as `accuracy`, `light/accuracy` or `light/calibration/ece`.
 * @param better The directions by the metric's name, and the name of the value, such as
 *   `calibration/ece` and `loss/*`.
 * @returns The direction; undefined if the value is not judged, or its direction is not known.
 */
export function betterOf(
  key: string,
  better: Readonly<Record<string, Better>> = {},
): Better | undefined {
  const parts = key.replace(/^(light|booster)\//, "").split("/");
  const own = parts.join("/");
  if (Object.hasOwn(better, own)) return better[own];
  for (let length = parts.length - 1; length > 0; length--) {
    // The fraction of the groups for which a metric by group is defined.
    if (parts[length] === "groups") continue;
    const all = `${parts.slice(0, length).join("/")}/*`;
    if (Object.hasOwn(better, all)) return better[all];
  }
  return undefined;
}

/**
 * Formats the difference of two values of a metric, and says whether it is an improvement:
 * `−0.0100 better`.
 *
 * @param difference The difference.
 * @param better The direction; without it, the difference is not judged.
 * @param format Formats a number that is not negative.
 */
export function formatDifference(
  difference: number,
  better: Better | undefined,
  format: (value: number) => string,
): string {
  const size = format(Math.abs(difference));
  if (Number(size) === 0) return `±${size}`;
  const text = `${difference < 0 ? "−" : "+"}${size}`;
  return better === undefined
    ? text
    : `${text} ${difference > 0 === (better === "higher") ? "better" : "worse"}`;
}

/** The information that a metric receives when it is created: the label and the nets of the run. */
export interface MetricContext {
  /** The label. */
  readonly label: LabelSpec;
  /** The nets of this run. */
  readonly nets: readonly NetName[];
}

/** The outputs of one net for some rows. */
export interface OutputValues {
  /** The logits, one row after another; the column's `shape` is `[units]`. */
  readonly logits: Column;
}

/**
 * Some rows, their labels, and the outputs of the nets for them, from which a metric is computed.
 */
export interface EvaluatedBatch {
  /** The number of rows. */
  readonly size: number;
  /**
   * The outputs of the net that is evaluated; those of the light net for a metric of the whole run.
   */
  readonly outputs: OutputValues;
  /** The outputs of all nets. */
  readonly nets: Readonly<Partial<Record<NetName, OutputValues>>>;
  /**
   * The labels, one per row. A label of kind `multi-label` has 0 or 1 for each class, row by row.
   */
  readonly label: Values;
  /** The weight of each row in losses; absent if all rows have the same weight. */
  readonly weight?: Values | undefined;
  /**
   * The columns of the source that metrics name with a {@linkcode columnOption}, one value per row.
   * Strings are replaced by numbers: within one split, equal strings get equal numbers.
   */
  readonly columns: Readonly<Record<string, Values>>;
  /** The mean of each loss term over these rows, before its weight, by its name. */
  readonly losses: Readonly<Record<string, number>>;
  /**
   * How much these rows count in the mean of a loss term over batches, by the term's name: the
   * weights of the rows that have its label. A term that is absent counts by all rows.
   */
  readonly lossWeights?: Readonly<Record<string, number>> | undefined;
}

/**
 * Bootstrap samples of a metric: its values for groups of rows, such as the rows of a user, that are
 * drawn with replacement.
 */
export interface BootstrapSamples {
  /**
   * A text that is equal for two evaluations if their samples have drawn the same groups. Such
   * samples can be compared one by one.
   */
  readonly groups: string;
  /** The metric's main value in each sample. */
  readonly values: readonly number[];
}

/**
 * Receives the batches of a split one after another and computes the metric over all of their rows.
 */
export interface Accumulator {
  /**
   * Adds a batch.
   *
   * @param batch The rows and the nets' outputs for them.
   */
  add(batch: EvaluatedBatch): void;
  /**
   * The metric over all rows so far, or several values by name; the value named `""` is the
   * metric's main value. If it is undefined, return {@linkcode undefinedMetric} with the reason.
   * NaN and infinite numbers count as undefined too.
   */
  value(): MetricValue | Readonly<Record<string, MetricValue>>;
  /**
   * Bootstrap samples of the metric's main value, if it has any. It is called after
   * {@linkcode Accumulator.value}. Evaluations of the same rows must draw the same groups, so
   * that sweeps can compare settings.
   */
  samples?(): BootstrapSamples | undefined;
}

/** A metric that a metric stage has created for a run. It is computed on one split at a time. */
export interface Metric {
  /**
   * Makes a new accumulator. It is called once per evaluation of a split, and per net for a metric
   * of each net.
   */
  start(): Accumulator;
}

/** A stage that computes a metric. */
export interface MetricStage extends Stage<"metric", MetricContext, Metric> {
  /**
   * `net`: computed for each net separately, as `light/accuracy`. `run`: computed once, under its
   * own name.
   */
  readonly per: "net" | "run";
  /** Whether higher or lower values are better, by the name of the value. */
  readonly better: Directions;
  /** The nets that it needs. A metric that needs both is left out if there is no booster. */
  readonly needs: "light" | "both";
  /**
   * Whether it has a main value, or only several named values, which cannot select the best epoch.
   */
  readonly values: "one" | "several";
  /** Whether it depends on the label (the default) or logits. If not, it is measured once, even if there are several. */
  readonly readsLabel?: boolean | undefined;
  /** Whether it supports labels of kind `multi-label`; not by default. */
  readonly multiLabel?: boolean | undefined;
}

/** The definition of a metric, for {@linkcode defineMetric}. */
export type MetricDefinition<Schema extends OptionsSchema> = StageDefinition<Schema> & {
  /** `net` (the default): computed for each net separately. `run`: computed once. */
  readonly per?: "net" | "run";
  /**
   * Whether higher or lower values are better: of the main value, or, if `values` is `several`, of
   * all values. An object states it for each value by its name, such as `{ ece: "lower" }`: `""` is
   * the main value, and `"*"` stands for all others. `higher` by default.
   */
  readonly better?: Better | Directions;
  /** `both` for a metric that compares the nets; `light` by default. */
  readonly needs?: "light" | "both";
  /**
   * `one` (the default): the metric has a main value, which can select the best epoch. `several`:
   * it has only named values.
   */
  readonly values?: "one" | "several";
  /**
   * `false` for a metric that depends neither on the label nor on logits, such as `loss`. It is
   * measured once, even if the pipeline has several labels. `true` by default.
   */
  readonly readsLabel?: boolean;
  /**
   * Whether the metric supports labels of kind `multi-label`, which have 0 or 1 for each class;
   * `false` by default.
   */
  readonly multiLabel?: boolean;
  /**
   * Creates the metric.
   *
   * @throws {UserError} If the metric does not support the label.
   */
  readonly create: Create<Schema, MetricContext, Metric>;
};

/**
 * Defines a metric. Its value for a split is accumulated batch by batch, in plain numbers instead
 * of tensors.
 *
 * @param definition The metric's name, summary, options and `create` function.
 * @returns The stage.
 *
 * @example
 * ```ts
 * import { defineMetric, type MetricStage, z } from "@rocket-launching/rocket/plugin";
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
  const { better = "higher", values = "one" } = definition;
  return {
    ...defineStage("metric", definition),
    per: oneOf(definition, "per", ["net", "run"], definition.per ?? "net"),
    better: typeof better !== "string" ? better : { [values === "one" ? "" : "*"]: better },
    needs: definition.needs ?? "light",
    values: oneOf(definition, "values", ["one", "several"], values),
    ...(definition.readsLabel !== undefined && { readsLabel: definition.readsLabel }),
    ...(definition.multiLabel !== undefined && { multiLabel: definition.multiLabel }),
  };
}
