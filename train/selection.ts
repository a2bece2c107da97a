import type { Metrics, Result } from "../pipeline/stages/events.ts";
import type { StopOptions } from "../pipeline/plan.ts";
import type { BestEpoch, BestValue } from "./checkpoint/content.ts";
import type { NetName } from "../pipeline/stages/network.ts";
import type { PlannedMetric } from "./evaluate.ts";

/** What is measured. */
export interface Measured {
  /** The metrics. */
  readonly metrics: readonly PlannedMetric[];
  /** The nets that those of each net are measured of. */
  readonly nets: readonly NetName[];
}

/** Keeps the epoch that was best on the validation split, or on the test split without one. */
export class Selection {
  readonly #split: string;
  readonly #key: string | undefined;
  readonly #sign: number;
  #best: BestEpoch | undefined;

  /**
   * Starts a selection, or goes on with one.
   *
   * @param splits The splits by name.
   * @param measured What is measured, and of which nets.
   * @param select The key of the metric to choose by; the first one's by default.
   * @param best The best epoch so far.
   */
  constructor(
    splits: Readonly<Record<string, unknown>>,
    { metrics, nets }: Measured,
    select: string | undefined,
    best?: BestEpoch,
  ) {
    this.#split = splits.validation ? "validation" : "test";
    const keys = (metric: PlannedMetric) => keysOf(metric, nets);
    const chosen = metrics.find((metric) => keys(metric).includes(select ?? keys(metric)[0]!));
    this.#key = chosen && (select ?? keys(chosen)[0]);
    this.#sign = chosen?.better === "lower" ? -1 : 1;
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
    const value = this.#key === undefined ? epoch : metrics[this.#split]?.[this.#key] ?? NaN;
    const better = !this.#best || Number.isNaN(this.#best.value) ||
      this.#sign * value > this.#sign * this.#best.value;
    if (better) this.#best = { epoch, value, test: metrics.test ?? {} };
    return better;
  }

  /** The best epoch, as results tell it. */
  best(): Result["best"] {
    return {
      epoch: this.#best?.epoch ?? 0,
      split: this.#split,
      metric: this.#key ?? "epoch",
      test: byNet(this.#best?.test ?? {}),
    };
  }
}

/** Knows when a metric has not become better for long enough. */
export class Patience {
  readonly #split: string;
  readonly #key: string | undefined;
  readonly #sign: number;
  readonly #stop: StopOptions | undefined;
  readonly #start: number;
  #best: BestValue | undefined;

  /**
   * Starts to watch, or goes on with it.
   *
   * @param splits The splits by name.
   * @param measured What is measured, and the nets of this job. Without the metric that is to be watched
   *   training never ends early.
   * @param stop When training ends; never by default.
   * @param best The best value so far.
   * @param start The epochs that were done when its phase began.
   */
  constructor(
    splits: Readonly<Record<string, unknown>>,
    { metrics, nets }: Measured,
    stop: StopOptions | undefined,
    best?: BestValue,
    start = 0,
  ) {
    this.#split = splits.validation ? "validation" : "test";
    const key = stop && (stop.metric ?? (metrics[0] && keysOf(metrics[0], nets)[0]));
    const watched = metrics.find((metric) =>
      key !== undefined && keysOf(metric, nets).includes(key)
    );
    this.#key = watched && key;
    this.#sign = watched?.better === "lower" ? -1 : 1;
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
    if (this.#key === undefined || !this.#stop) return;
    const value = metrics[this.#split]?.[this.#key] ?? NaN;
    const before = this.#best?.value ?? NaN;
    const gain = this.#sign * (value - before);
    // A value that is no number is not better than any, and the first one is better than none.
    if (Number.isNaN(value) || !(Number.isNaN(before) || gain > this.#stop.minDelta)) return;
    this.#best = { epoch, value };
  }

  /**
   * Whether training ends.
   *
   * @param epochs The epochs that are done.
   */
  isOver(epochs: number): boolean {
    if (this.#key === undefined || !this.#stop) return false;
    return epochs - (this.#best?.epoch ?? this.#start) >= this.#stop.patience;
  }
}

function keysOf({ name, per }: PlannedMetric, nets: readonly NetName[]): string[] {
  return per === "net" ? nets.map((net) => `${net}/${name}`) : [name];
}

/**
 * `light/accuracy` becomes `light: { accuracy }`; what belongs to no net comes under `run`.
 *
 * @param metrics The metrics by key.
 */
export function byNet(metrics: Metrics): Record<string, Metrics> {
  const nets: Record<string, Record<string, number>> = {};
  for (const [key, value] of Object.entries(metrics)) {
    const [, net = "run", name = key] = /^(light|booster)\/(.*)$/.exec(key) ?? [];
    (nets[net] ??= {})[name] = value;
  }
  return nets;
}
