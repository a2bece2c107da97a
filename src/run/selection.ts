import type { Metrics, Result } from "../stages/events.ts";
import type { StopOptions } from "../pipeline/plan.ts";
import type { BestEpoch, BestValue } from "./folder/checkpoint_content.ts";
import { type MetricValue, undefinedMetric } from "../stages/metric.ts";
import type { NetName } from "../stages/network.ts";
import type { PlannedMetric } from "../train/evaluate.ts";

/** What is measured. */
export interface Measured {
  /** The metrics. */
  readonly metrics: readonly PlannedMetric[];
  /** The nets that those of each net are measured of. */
  readonly nets: readonly NetName[];
}

/**
 * A metric that is looked at after each epoch: on the validation split, or on the test split
 * without one.
 */
class Watched {
  /** The split. */
  readonly split: string;
  /** The metric's key; undefined if nothing of that key is measured. */
  readonly key: string | undefined;
  /** 1 where more is better, −1 where less is. */
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

  /** Its value after an epoch. */
  valueIn(metrics: Readonly<Record<string, Metrics>>): MetricValue {
    return (this.key === undefined ? undefined : metrics[this.split]?.[this.key]) ??
      undefinedMetric("not measured");
  }

  /** By how much a value is better than another; without one, nothing is better than anything. */
  gain(value: MetricValue, before: MetricValue | undefined): number {
    if (typeof value !== "number") return 0;
    return typeof before === "number" ? this.sign * (value - before) : Infinity;
  }
}

/**
 * The split by which epochs are chosen.
 *
 * @param splits The splits by name.
 */
export function decidingSplit(splits: Readonly<Record<string, unknown>>): string {
  return splits.validation ? "validation" : "test";
}

/** Keeps the epoch that was best on the validation split, or on the test split without one. */
export class Selection {
  readonly #watched: Watched;
  #best: BestEpoch | undefined;

  /**
   * Starts a selection, or goes on with one.
   *
   * @param splits The splits by name.
   * @param measured What is measured, and of which nets.
   * @param select The key of the metric to choose by; without one the latest epoch is the best.
   * @param best The best epoch so far.
   */
  constructor(
    splits: Readonly<Record<string, unknown>>,
    measured: Measured,
    select: string | undefined,
    best?: BestEpoch,
  ) {
    this.#watched = new Watched(splits, measured, select);
    this.#best = best;
  }

  /** The best epoch so far. */
  get bestEpoch(): BestEpoch | undefined {
    return this.#best;
  }

  /**
   * Compares an epoch with the best one so far.
   *
   * @param epoch The epoch, from 1.
   * @param metrics Its metrics by split.
   * @returns Whether it is the best now.
   */
  consider(epoch: number, metrics: Readonly<Record<string, Metrics>>): boolean {
    const { key } = this.#watched;
    const value = key === undefined ? epoch : this.#watched.valueIn(metrics);
    const before = this.#best?.value;
    // As long as no epoch has had a value, none is known to be better than the latest.
    const better = this.#watched.gain(value, before) > 0 || typeof before !== "number";
    if (better) this.#best = { epoch, value, test: metrics.test ?? {} };
    return better;
  }

  /** The best epoch, as results tell it. */
  best(): Result["best"] {
    return {
      epoch: this.#best?.epoch ?? 0,
      split: this.#watched.split,
      metric: this.#watched.key ?? "epoch",
      value: this.#best?.value ?? 0,
      test: byNet(this.#best?.test ?? {}),
    };
  }
}

/** Knows when a metric has not become better for long enough. */
export class Patience {
  readonly #watched: Watched;
  readonly #stop: StopOptions | undefined;
  readonly #start: number;
  #best: BestValue | undefined;

  /**
   * Starts to watch, or goes on with it.
   *
   * @param splits The splits by name.
   * @param measured What is measured, and the nets of this job. Without the metric that is to be
   *   watched training never ends early.
   * @param stop When training ends; never by default.
   * @param best The best value so far.
   * @param start The epochs that were done when its phase began.
   */
  constructor(
    splits: Readonly<Record<string, unknown>>,
    measured: Measured,
    stop: StopOptions | undefined,
    best?: BestValue,
    start = 0,
  ) {
    this.#watched = new Watched(splits, measured, stop?.metric);
    this.#stop = stop;
    this.#best = best;
    this.#start = start;
  }

  /** The best value so far. */
  get best(): BestValue | undefined {
    return this.#best;
  }

  /**
   * Looks at an epoch's metrics.
   *
   * @param epoch The epoch, from 1.
   * @param metrics Its metrics by split.
   */
  watch(epoch: number, metrics: Readonly<Record<string, Metrics>>): void {
    if (!this.#stop) return;
    const value = this.#watched.valueIn(metrics);
    if (typeof value !== "number") return;
    if (this.#watched.gain(value, this.#best?.value) > this.#stop.minDelta) {
      this.#best = { epoch, value };
    }
  }

  /**
   * Whether training ends.
   *
   * @param epochs The epochs that are done.
   */
  isOver(epochs: number): boolean {
    if (this.#watched.key === undefined || !this.#stop) return false;
    return epochs - (this.#best?.epoch ?? this.#start) >= this.#stop.patience;
  }
}

/**
 * The keys of a metric's own value.
 *
 * @param metric The metric.
 * @param nets The nets that those of each net are measured of.
 */
export function keysOf(
  { name, per, values }: Pick<PlannedMetric, "name" | "per" | "values">,
  nets: readonly NetName[],
): string[] {
  if (values === "several") return [];
  return per === "net" ? nets.map((net) => `${net}/${name}`) : [name];
}

/**
 * `light/accuracy` becomes `light: { accuracy }`; what belongs to no net comes under `run`.
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
