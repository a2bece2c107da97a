import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Metrics, Result } from "../stages/events.ts";
import type { Measured as SoFar } from "../stages/gradient.ts";
import type { StopOptions } from "../pipeline/plan.ts";
import type { BestEpoch, BestValue } from "./folder/checkpoint_content.ts";
import { type MetricValue, undefinedMetric } from "../stages/metric.ts";
import type { NetName } from "../stages/network.ts";
import type { PlannedMetric } from "../train/evaluate.ts";

/** The metrics to measure, and the nets for which they are measured. */
export interface Measured {
  /** The metrics. */
  readonly metrics: readonly PlannedMetric[];
  /** The nets for which the metrics of single nets are measured. */
  readonly nets: readonly NetName[];
}

/** Stands for the key of a metric if the latest epoch is the best one. */
const LATEST = "epoch";

/**
 * A metric that is observed after each epoch: on the validation split, or on the test split if
 * there is no validation split.
 */
class Watched {
  /** The name of the split. */
  readonly split: string;
  /** The metric's key; undefined if the metric is not measured. */
  readonly key: string | undefined;
  /** 1 if higher values are better, −1 if lower values are better. */
  readonly sign: number;

  constructor(
    splits: Readonly<Record<string, unknown>>,
    { metrics, nets }: Measured,
    key: string | undefined,
  ) {
    const metric = metrics.find((metric) =>
      key !== undefined && keysOf(metric, nets).includes(key)
    );
    this.split = decidingSplit(splits);
    this.key = metric && key;
    this.sign = metric?.better === "lower" ? -1 : 1;
  }

  /** The metric's key, or `epoch` if the latest epoch is the best one. */
  get name(): string {
    return this.key ?? LATEST;
  }

  /** Returns the metric's value after an epoch. */
  valueIn(metrics: Readonly<Record<string, Metrics>>): MetricValue {
    return (this.key === undefined ? undefined : metrics[this.split]?.[this.key]) ??
      undefinedMetric("not measured");
  }

  /** Returns how much better a value is; Infinity compared with no value, 0 if it is undefined. */
  gain(value: MetricValue, before: MetricValue | undefined): number {
    if (typeof value !== "number") return 0;
    return typeof before === "number" ? this.sign * (value - before) : Infinity;
  }
}

/**
 * Refuses to compare the values of one metric with those of another.
 *
 * @param best The best value so far, if there is one.
 * @param name The key of the metric that is observed now.
 * @throws {UserError} If the value is of another metric; exit code 2.
 */
function refuseOther(best: Pick<BestValue, "metric"> | undefined, name: string): void {
  if (best === undefined || best.metric === name) return;
  throw new UserError(
    `the best epoch so far is the best by ${best.metric}, but the metrics have changed, so that ` +
      `epochs would now be compared by ${name}`,
    {
      hint: hint(
        "resume/metrics",
        "keep the metrics of the run in their order, and write new ones after them; or start a new run",
        { edit: "the metrics" },
      ),
      exitCode: 2,
    },
  );
}

/**
 * Returns the split on which the best epoch is chosen.
 *
 * @param splits The splits by name.
 */
export function decidingSplit(splits: Readonly<Record<string, unknown>>): string {
  return splits.validation ? "validation" : "test";
}

/** The values of metrics by key, one for each evaluation of a phase; null without a value. */
export type MetricHistory = Readonly<Record<string, readonly (number | null)[]>>;

/**
 * Describes what a phase has measured so far, for schedules.
 *
 * @param measured The metrics and nets.
 * @param select The key of the metric that selects the best epoch.
 * @param values The values so far.
 */
export function measuredSoFar(
  { metrics, nets }: Measured,
  select: string | undefined,
  values: MetricHistory = {},
): SoFar {
  const better = metrics.flatMap((metric) =>
    metric.better ? keysOf(metric, nets).map((key) => [key, metric.better!] as const) : []
  );
  return { better: Object.fromEntries(better), select, values };
}

/**
 * Adds the metrics of an evaluation to those of a phase.
 *
 * @param history The values so far.
 * @param keys The keys of the metrics.
 * @param metrics The metrics of the evaluation on the deciding split.
 */
export function withEvaluation(
  history: MetricHistory,
  keys: readonly string[],
  metrics: Metrics = {},
): MetricHistory {
  return Object.fromEntries(keys.map((key) => {
    const value = metrics[key];
    return [key, [...history[key] ?? [], typeof value === "number" ? value : null]];
  }));
}

/** Remembers the best epoch on the validation split, or on the test split if there is none. */
export class Selection {
  readonly #watched: Watched;
  #best: BestEpoch | undefined;

  /**
   * Starts a selection, or continues one.
   *
   * @param splits The splits by name.
   * @param measured The metrics and nets.
   * @param select The key of the metric that selects the best epoch; without it, the latest epoch
   *   is the best.
   * @param best The best epoch so far.
   */
  constructor(
    splits: Readonly<Record<string, unknown>>,
    measured: Measured,
    select: string | undefined,
    best?: BestEpoch,
  ) {
    this.#watched = new Watched(splits, measured, select);
    // Without a metric, the latest epoch was the best, and its value is its number.
    const isFirst = best?.metric === LATEST && this.#watched.name !== LATEST;
    if (!isFirst) refuseOther(best, this.#watched.name);
    this.#best = isFirst ? undefined : best;
  }

  /** The best epoch so far. */
  get bestEpoch(): BestEpoch | undefined {
    return this.#best;
  }

  /**
   * Checks whether the best epoch so far can be the best one of a history.
   *
   * @param history The values of the metrics so far.
   */
  isBestOf(history: MetricHistory): boolean {
    const { key } = this.#watched;
    if (this.#best === undefined) return true;
    const { epoch, value } = this.#best;
    if (key === undefined) return value === epoch;
    const values = history[key];
    // Without a value, the latest epoch counts as the best.
    if (values === undefined || typeof value !== "number") return true;
    return values.includes(value) &&
      values.every((other) => other === null || !(this.#watched.gain(other, value) > 0));
  }

  /**
   * Compares an epoch with the best one so far.
   *
   * @param epoch The epoch, from 1.
   * @param metrics Its metrics by split.
   * @returns Whether the epoch is the best so far.
   */
  consider(epoch: number, metrics: Readonly<Record<string, Metrics>>): boolean {
    const { key } = this.#watched;
    const value = key === undefined ? epoch : this.#watched.valueIn(metrics);
    const before = this.#best?.value;
    // As long as no epoch has a value, the latest one counts as the best.
    const better = this.#watched.gain(value, before) > 0 || typeof before !== "number";
    if (better) {
      this.#best = { epoch, metric: this.#watched.name, value, test: metrics.test ?? {} };
    }
    return better;
  }

  /** Returns the best epoch in the form of a run's result. */
  best(): Result["best"] {
    return {
      epoch: this.#best?.epoch ?? 0,
      split: this.#watched.split,
      metric: this.#watched.name,
      value: this.#best?.value ?? 0,
      test: byNet(this.#best?.test ?? {}),
    };
  }
}

/** Decides that training ends when a metric has not improved for a number of epochs. */
export class Patience {
  readonly #watched: Watched;
  readonly #stop: StopOptions | undefined;
  readonly #start: number;
  #best: BestValue | undefined;

  /**
   * Starts to observe a metric, or continues.
   *
   * @param splits The splits by name.
   * @param measured The metrics and the nets of this job. If the metric of `stop` is not measured,
   *   training never ends early.
   * @param stop The options for ending early; by default training never ends early.
   * @param best The best value so far.
   * @param start The number of completed epochs when the phase began.
   */
  constructor(
    splits: Readonly<Record<string, unknown>>,
    measured: Measured,
    stop: StopOptions | undefined,
    best?: BestValue,
    start = 0,
  ) {
    this.#watched = new Watched(splits, measured, stop?.metric);
    if (stop) refuseOther(best, this.#watched.name);
    this.#stop = stop;
    this.#best = best;
    this.#start = start;
  }

  /** The best value so far. */
  get best(): BestValue | undefined {
    return this.#best;
  }

  /**
   * Updates the best value with an epoch's metrics.
   *
   * @param epoch The epoch, from 1.
   * @param metrics Its metrics by split.
   */
  watch(epoch: number, metrics: Readonly<Record<string, Metrics>>): void {
    if (!this.#stop) return;
    const value = this.#watched.valueIn(metrics);
    if (typeof value !== "number") return;
    if (this.#watched.gain(value, this.#best?.value) > this.#stop.minDelta) {
      this.#best = { epoch, metric: this.#watched.name, value };
    }
  }

  /**
   * Checks whether training ends.
   *
   * @param epochs The number of completed epochs.
   */
  isOver(epochs: number): boolean {
    if (this.#watched.key === undefined || !this.#stop) return false;
    return epochs - (this.#best?.epoch ?? this.#start) >= this.#stop.patience;
  }
}

/**
 * Returns the keys under which a metric's value is reported, such as `light/accuracy`.
 *
 * @param metric The metric; one with several values has no key of its own.
 * @param nets The nets for which metrics of single nets are measured.
 */
export function keysOf(
  { name, per, values }: Pick<PlannedMetric, "name" | "per" | "values">,
  nets: readonly NetName[],
): string[] {
  if (values === "several") return [];
  return per === "net" ? nets.map((net) => `${net}/${name}`) : [name];
}

/**
 * Groups metrics by net: `light/accuracy` becomes `light: { accuracy }`. Metrics that belong to no
 * net are grouped under `run`.
 *
 * @param metrics The metrics by key.
 */
export function byNet(metrics: Metrics): Record<string, Metrics> {
  const nets: Record<string, Record<string, MetricValue>> = {};
  for (const [key, value] of Object.entries(metrics)) {
    const [, net = "run", name = key] = /^(light|booster)\/(.*)$/.exec(key) ?? [];
    (nets[net] ??= {})[name] = value;
  }
  return nets;
}
