/**
 * The bands of metrics: the values that a metric may have.
 *
 * @module
 */

import { spread } from "../../src/sweep/statistics.ts";

/** The values of a run's metrics by name, such as `light/accuracy`. */
export type Metrics = Readonly<Record<string, number>>;

/** The mean and the standard deviation of a metric over the seeds, and the ends of its band. */
export interface Band {
  /** The mean over the seeds. */
  readonly mean: number;
  /** The standard deviation over the seeds. */
  readonly deviation: number;
  /** The smallest value that the metric may have. */
  readonly from: number;
  /** The largest value that the metric may have. */
  readonly to: number;
}

/** How many standard errors of the compared mean a band extends to each side. */
const HALF_WIDTH = 4;

/**
 * Computes the bands of metrics: m ± 4 s / √n, where m is the mean of the runs, s is their standard
 * deviation, and n is the number of runs whose mean is compared with the band. A band extends at
 * least 0.0001 to each side, so that a metric without spread has one, too.
 *
 * @param runs The metrics of the runs, one per seed; at least two.
 * @param compared The number of runs whose mean is compared with the bands.
 */
export function bandsOf(runs: readonly Metrics[], compared: number): Record<string, Band> {
  const digits = (value: number) => Number(value.toFixed(4));
  return Object.fromEntries(
    Object.keys(runs[0]!).map((name) => {
      const { mean, deviation } = spread(runs.map((run) => run[name]!));
      const half = Math.max(HALF_WIDTH * deviation / Math.sqrt(compared), 1e-4);
      const band = { mean, deviation, from: mean - half, to: mean + half };
      return [name, {
        mean: digits(band.mean),
        deviation: digits(band.deviation),
        from: digits(band.from),
        to: digits(band.to),
      }];
    }),
  );
}

/**
 * Lists the metrics whose mean over some runs is outside of its band, or NaN because a run lacks the
 * metric.
 *
 * @param runs The metrics of the runs.
 * @param bands The bands.
 */
export function outside(
  runs: readonly Metrics[],
  bands: Readonly<Record<string, Band>>,
): string[] {
  return Object.entries(bands).flatMap(([name, { from, to }]) => {
    const { mean } = spread(runs.map((run) => run[name] ?? NaN));
    if (mean >= from && mean <= to) return [];
    return [`${name} is ${mean.toFixed(4)}, and its band is ${from} to ${to}`];
  });
}
