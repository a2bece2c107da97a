/**
 * Summarizes the results of a sweep in a table with one row per setting.
 *
 * @module
 */

import { betterOf } from "../stages/metric.ts";
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
  const rows = settings.map(({ key, name, reference }): SweepRow => {
    const runs = of(key), others = key === reference ? undefined : of(reference);
    const own = latency?.milliseconds[key], other = latency?.milliseconds[reference];
    return {
      setting: key,
      name,
      reference,
      seeds: runs.map(({ seed }) => seed),
      metrics: { last: summaries(runs, others, "last"), best: summaries(runs, others, "best") },
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
    keys: [...new Set(outcomes.flatMap(({ metrics }) => Object.keys(metrics.last)))],
    latency: latency && { engine: latency.engine, batch: latency.batch },
    engines: [...new Set(outcomes.map(({ result }) => result.engine))],
    rows,
  };
}

function summaries(
  runs: readonly RunOutcome[],
  others: readonly RunOutcome[] | undefined,
  when: When,
): Record<string, MetricSummary> {
  const keys = [...new Set(runs.flatMap(({ metrics }) => Object.keys(metrics[when])))];
  return Object.fromEntries(keys.map((key) => {
    const valueOf = (run: RunOutcome | undefined) => run?.metrics[when][key];
    const values = runs.map(valueOf).filter((value) => typeof value === "number");
    const differences = runs.flatMap((run) => {
      const own = valueOf(run), other = valueOf(others?.find(({ seed }) => seed === run.seed));
      return typeof own === "number" && typeof other === "number" ? [own - other] : [];
    });
    const missing = runs.map(valueOf).filter((value) => typeof value !== "number");
    return [key, {
      values,
      without: missing.length > 0
        ? { runs: missing.length, reason: missing[0]?.undefined ?? "not measured" }
        : undefined,
      spread: values.length > 0 ? spread(values) : undefined,
      difference: differences.length > 0 ? interval(differences) : undefined,
    }];
  }));
}
