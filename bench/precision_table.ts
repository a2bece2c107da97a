import { spread } from "../src/sweep/statistics.ts";

/** The precisions to compare. */
export const precisions = ["float32", "bfloat16"] as const;

/** The result of one training run. */
export interface AccuracyRun {
  /** The pipeline file. */
  readonly pipeline: string;
  /** The precision of the training steps. */
  readonly precision: (typeof precisions)[number];
  /** The run's seed. */
  readonly seed: number;
  /** The number of epochs. */
  readonly epochs: number;
  /** The light net's accuracy on the test split, 0 to 1. */
  readonly light: number;
  /** The booster net's accuracy on the test split, 0 to 1. */
  readonly booster: number;
  /** The duration of the run in seconds. */
  readonly seconds: number;
}

/**
 * Formats the runs as a Markdown table with one row per net and precision: the mean, minimum, and
 * maximum of the accuracies, and the difference between the means of bfloat16 and float32 in
 * standard deviations over the seeds of float32.
 *
 * @param runs The runs, all with the same number of epochs.
 */
export function precisionTable(runs: readonly AccuracyRun[]): string {
  const lines = [
    "| net | precision | seeds | accuracy | least – most | from float32 | seconds |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
  ];
  for (const net of ["light", "booster"] as const) {
    const exact = spread(valuesOf(runs, "float32", net));
    for (const precision of precisions) {
      const values = valuesOf(runs, precision, net);
      if (values.length === 0) continue;
      const { mean, deviation } = spread(values);
      const difference = precision === "float32"
        ? `± ${percent(deviation)} (one deviation)`
        : `${percent(mean - exact.mean)} (${
          ((mean - exact.mean) / exact.deviation).toFixed(1)
        } deviations)`;
      const seconds = spread(valuesOf(runs, precision, "seconds")).mean.toFixed(0);
      lines.push(
        `| ${net} | ${precision} | ${values.length} | ${percent(mean)} | ` +
          `${percent(Math.min(...values))} – ${percent(Math.max(...values))} | ${difference} | ` +
          `${seconds} |`,
      );
    }
  }
  return lines.join("\n");
}

function valuesOf(
  runs: readonly AccuracyRun[],
  precision: AccuracyRun["precision"],
  key: "light" | "booster" | "seconds",
): number[] {
  return runs.filter((run) => run.precision === precision).map((run) => run[key]);
}

const percent = (value: number) => `${(value * 100).toFixed(2)} %`;
