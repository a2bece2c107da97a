/**
 * Summarizes the results of a sweep in a table with one row per setting.
 *
 * @module
 */

import { percentiles } from "../base/percentiles.ts";
import { type Better, betterOf, type BootstrapSamples } from "../stages/metric.ts";
import type { CheckedSweep } from "./check.ts";
import type { Latency } from "./latency.ts";
import type { RunOutcome, When } from "./results.ts";
import { type Interval, interval, type Spread, spread } from "./statistics.ts";

/** A summary of one metric of a setting over its seeds. */
export interface MetricSummary {
  /** The values of the runs that have one, in the order of the seeds. */
  readonly values: readonly number[];
  /** The number of runs without a value, with the reason of the first one. */
  readonly without: { readonly runs: number; readonly reason: string } | undefined;
  /** The mean and spread of the values; undefined if there are no values. */
  readonly spread: Spread | undefined;
  /**
   * The difference from the reference, over the seeds for which both have a value; undefined for
   * the reference itself, and if there is no such seed.
   */
  readonly difference: Interval | undefined;
  /**
   * The ends of the 95 % interval of the difference by a bootstrap over groups of rows, such as
   * users; undefined without a difference, and if the runs have no samples of the same groups.
   */
  readonly resampled: Pick<Interval, "low" | "high"> | undefined;
  /**
   * The part of the gap between the reference and the booster alone that the setting closes; `no
   * gap` if the booster alone is not better than the reference, or the interval of the gap contains
   * 0. Undefined if it is not known.
   */
  readonly transfer: number | "no gap" | undefined;
}

/** A row of the table, with the results of one setting. */
export interface SweepRow {
  /** The setting's key. */
  readonly setting: string;
  /** The setting's name in the file. */
  readonly name: string;
  /** The key of the setting that it is compared with. */
  readonly reference: string;
  /** The seeds whose runs have finished. */
  readonly seeds: readonly number[];
  /** Every metric by key, after the last and the best epoch. */
  readonly metrics: {
    readonly last: Readonly<Record<string, MetricSummary>>;
    readonly best: Readonly<Record<string, MetricSummary>>;
  };
  /** The number of parameters of each net. */
  readonly parameters: { readonly light?: number; readonly booster?: number };
  /** The median latency of the light net, in milliseconds. */
  readonly latency: number | undefined;
  /** The latency divided by the latency of the reference. */
  readonly latencyRatio: number | undefined;
}

/** The table of a sweep's results. */
export interface SweepTable {
  /** The sweep's name. */
  readonly name: string;
  /** The split that the metrics are measured on. */
  readonly split: string;
  /** The metric that settings are compared on. */
  readonly metric: string | undefined;
  /** Whether higher or lower values of this metric are better; undefined if that is not known. */
  readonly better: "higher" | "lower" | undefined;
  /** All seeds. */
  readonly seeds: readonly number[];
  /** Whether the sweep has a setting that trains the booster alone. */
  readonly hasBooster: boolean;
  /** The metrics' keys, in the order of the runs' results. */
  readonly keys: readonly string[];
  /** The engine and the number of rows per call with which latency was measured. */
  readonly latency: {
    readonly engine: "onnx" | "native" | "wasm";
    readonly batch: number;
  } | undefined;
  /** The engines that computed the runs: `native`, `wasm`, or both. */
  readonly engines: readonly string[];
  /** The settings. */
  readonly rows: readonly SweepRow[];
}

/**
 * Summarizes the runs of a sweep in a table.
 *
 * @param sweep The sweep.
 * @param outcomes The results of the finished runs.
 * @param latency The latencies of the light nets, if they were measured.
 */
export function sweepTable(
  { name, split, metric, seeds, settings }: CheckedSweep,
  outcomes: readonly RunOutcome[],
  latency: Latency | undefined,
): SweepTable {
  const of = (setting: string) => outcomes.filter((outcome) => outcome.setting === setting);
  const rows = settings.map(({ key, name, reference, booster }): SweepRow => {
    const compared: Compared = {
      runs: of(key),
      references: key === reference ? undefined : of(reference),
      boosters: booster === undefined || booster === reference ? undefined : of(booster),
    };
    const { runs } = compared;
    const own = latency?.milliseconds[key], other = latency?.milliseconds[reference];
    return {
      setting: key,
      name,
      reference,
      seeds: runs.map(({ seed }) => seed),
      metrics: { last: summaries(compared, "last"), best: summaries(compared, "best") },
      parameters: runs[0]?.result.parameters ?? {},
      latency: own,
      latencyRatio: own !== undefined && other !== undefined ? own / other : undefined,
    };
  });
  return {
    name,
    split,
    metric,
    better: metric === undefined
      ? undefined
      : outcomes.map(({ result }) => betterOf(metric, result.better)).find(Boolean),
    seeds,
    hasBooster: settings.some(({ booster }) => booster !== undefined),
    keys: [...new Set(outcomes.flatMap(({ metrics }) => Object.keys(metrics.last)))],
    latency: latency && { engine: latency.engine, batch: latency.batch },
    engines: [...new Set(outcomes.map(({ result }) => result.engine))],
    rows,
  };
}

/** The runs of a setting, and those that it is compared with. */
interface Compared {
  readonly runs: readonly RunOutcome[];
  /** The runs of the reference; undefined for the reference itself. */
  readonly references: readonly RunOutcome[] | undefined;
  /** The runs of the booster alone, if the sweep has any. */
  readonly boosters: readonly RunOutcome[] | undefined;
}

function summaries(
  { runs, references, boosters }: Compared,
  when: When,
): Record<string, MetricSummary> {
  const keys = [...new Set(runs.flatMap(({ metrics }) => Object.keys(metrics[when])))];
  return Object.fromEntries(keys.map((key) => {
    const valueOf = (run: RunOutcome) => run.metrics[when][key];
    const values = runs.map(valueOf).filter((value) => typeof value === "number");
    const missing = runs.map(valueOf).filter((value) => typeof value !== "number");
    const own = references && differenceOf(runs, references, key, when);
    const gap = boosters && references && differenceOf(boosters, references, key, when);
    const better = runs.map(({ result }) => betterOf(key, result.better)).find(Boolean);
    return [key, {
      values,
      without: missing.length > 0
        ? { runs: missing.length, reason: missing[0]?.undefined ?? "not measured" }
        : undefined,
      spread: values.length > 0 ? spread(values) : undefined,
      difference: own?.difference,
      resampled: own?.resampled,
      transfer: own && gap && transferOf(own, gap, better),
    }];
  }));
}

/** The difference between two settings. */
type Difference = Required<Pick<MetricSummary, "resampled">> & { readonly difference: Interval };

/** Compares two settings over the seeds for which both have a value; undefined if there are none. */
function differenceOf(
  runs: readonly RunOutcome[],
  others: readonly RunOutcome[],
  key: string,
  when: When,
): Difference | undefined {
  const pairs = runs.flatMap((run) => {
    const other = others.find(({ seed }) => seed === run.seed);
    const own = run.metrics[when][key], its = other?.metrics[when][key];
    if (typeof own !== "number" || typeof its !== "number") return [];
    return [{ own, its, samples: [run, other!].map(({ samples }) => samples?.[when][key]) }];
  });
  if (pairs.length === 0) return undefined;
  return {
    difference: interval(pairs.map(({ own, its }) => own - its)),
    resampled: resample(pairs.map(({ samples }) => samples)),
  };
}

/**
 * Computes the interval of the mean difference over pairs of runs by the bootstrap. All runs must
 * have samples of the same groups: then, a sample of the mean difference is the mean of the
 * differences of the runs' samples with the same number.
 */
function resample(
  pairs: readonly (readonly (BootstrapSamples | undefined)[])[],
): MetricSummary["resampled"] {
  const first = pairs[0]?.[0];
  const areSame = pairs.flat().every((samples) =>
    samples !== undefined && samples.groups === first?.groups &&
    samples.values.length === first.values.length
  );
  if (!first || !areSame) return undefined;
  return percentiles(first.values.map((_, at) => {
    const differences = pairs.map(([own, other]) => own!.values[at]! - other!.values[at]!);
    return differences.reduce((sum, value) => sum + value, 0) / differences.length;
  }));
}

/** Computes the transfer of a setting from its difference and the gap. */
function transferOf(
  own: Difference,
  gap: Difference,
  better: Better | undefined,
): MetricSummary["transfer"] {
  if (better === undefined) return undefined;
  const intervals = intervalsOf(gap);
  if (intervals.length === 0) return undefined;
  const isGap = intervals.every(({ low, high }) => better === "higher" ? low > 0 : high < 0);
  return isGap ? own.difference.mean / gap.difference.mean : "no gap";
}

/**
 * Returns the intervals of a difference: over seeds, if there are several, and over groups of rows,
 * if there are bootstrap samples.
 *
 * @param summary The difference.
 */
export function intervalsOf(
  { difference, resampled }: Pick<MetricSummary, "difference" | "resampled">,
): Pick<Interval, "low" | "high">[] {
  return [
    ...(difference && !Number.isNaN(difference.low) ? [difference] : []),
    ...(resampled ? [resampled] : []),
  ];
}
