import { join } from "node:path";
import { runFiles } from "../base/files/run_files.ts";
import { readRegularText } from "../base/files/regular.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { metricsFromJson } from "../stages/metrics_json.ts";
import type { Metrics, Result } from "../stages/events.ts";
import type { BootstrapSamples } from "../stages/metric.ts";
import { keysOfEvaluation, readBootstrap, samplesAfter } from "../run/folder/bootstrap.ts";
import { readResult } from "../run/folder/manifest.ts";
import type { CheckedRun, CheckedSweep } from "./check.ts";

/**
 * When a net was measured: after the last epoch, or after the epoch that `select` found to be the
 * best.
 */
export type When = "last" | "best";

/** Bootstrap samples by the key of their metric. */
export type Samples = Readonly<Record<string, BootstrapSamples>>;

/** The results of one finished run of a sweep, with its setting and seed. */
export interface RunOutcome {
  /** The setting's key. */
  readonly setting: string;
  /** The seed. */
  readonly seed: number;
  /** The metrics by key, on the sweep's split. */
  readonly metrics: Readonly<Record<When, Metrics>>;
  /** The bootstrap samples of metrics that compute any, by key. */
  readonly samples?: Readonly<Record<When, Samples>>;
  /** The result from the run folder. */
  readonly result: Result;
}

/**
 * Reads the results of a sweep's runs.
 *
 * @param sweep The sweep.
 * @returns The results of the finished runs, in the sweep's order.
 * @throws {UserError} If the metrics of a finished run cannot be read.
 */
export async function readOutcomes({ runs, split }: CheckedSweep): Promise<RunOutcome[]> {
  const outcomes: RunOutcome[] = [];
  // By setting and metric.
  const counts = new Map<string, number>();
  for (const run of runs) {
    const outcome = await readOutcome(run, split);
    if (!outcome) continue;
    outcomes.push(outcome);
    // Without this, the table would leave out the interval without a message.
    await reading(join(run.folder, runFiles.bootstrap.rocket), run.folder, () => {
      for (const [key, value] of Object.entries(outcome.metrics.last)) {
        if (typeof value !== "number") continue;
        const length = outcome.samples?.last[key]?.values.length ?? 0;
        const id = JSON.stringify([run.setting, key]), expected = counts.get(id) ?? length;
        counts.set(id, expected);
        if (length === expected) continue;
        const what = `it has ${length} samples of ${JSON.stringify(key)}`;
        throw new Error(`${what}; the run with another seed has ${expected}`);
      }
      return Promise.resolve();
    });
  }
  return outcomes;
}

async function readOutcome(
  { setting, seed, folder }: CheckedRun,
  split: string,
): Promise<RunOutcome | undefined> {
  const result = await readResult(folder);
  if (!result) return undefined;
  const metrics = split === "test"
    ? { last: byKey(result.test), best: byKey(result.best.test) }
    : await metricsOf(folder, split, result);
  const samples = await samplesOf(folder, split, result);
  return { setting, seed, metrics, ...(samples && { samples }), result };
}

/**
 * Joins the names of nets and metrics: `light/accuracy`. Metrics without a net keep their names.
 */
function byKey(nets: Result["test"]): Metrics {
  return Object.fromEntries(
    Object.entries(nets).flatMap(([net, metrics]) =>
      Object.entries(metrics).map(([name, value]) => [
        net === "run" ? name : `${net}/${name}`,
        value,
      ])
    ),
  );
}

async function metricsOf(
  folder: string,
  split: string,
  result: Result,
): Promise<RunOutcome["metrics"]> {
  const path = join(folder, runFiles.metrics.rocket);
  return await reading(path, folder, async () => {
    const lines = (await readRegularText(path)).split("\n").filter(Boolean)
      .map((line) => metricsFromJson(JSON.parse(line)) as Line);
    return lastAndBest(lines, split, result);
  });
}

async function samplesOf(
  folder: string,
  split: string,
  result: Result,
): Promise<RunOutcome["samples"]> {
  const path = join(folder, runFiles.bootstrap.rocket);
  return await reading(path, folder, async () => {
    const lines = await readBootstrap(path);
    return lines && {
      last: samplesAfter(lines, split, result.epochs),
      best: samplesAfter(lines, split, result.best.epoch),
    };
  });
}

type Line = Record<string, unknown>;

/** Returns the values of the lines of a split after the last and after the best epoch. */
function lastAndBest(
  lines: readonly Line[],
  split: string,
  { epochs, best }: Result,
): Record<When, Metrics> {
  const after = (epoch: number) => {
    const found = lines.findLast((line) => line.split === split && line.epoch === epoch);
    return Object.fromEntries(
      Object.entries(found ?? {}).filter(([key]) => !keysOfEvaluation.has(key)),
    ) as Metrics;
  };
  return { last: after(epochs), best: after(best.epoch) };
}

async function reading<T>(path: string, folder: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${(error as Error).message}`, {
      hint: hint("sweep/results", `remove ${folder} to repeat this run`, { edit: "the folder" }),
      cause: error,
    });
  }
}
