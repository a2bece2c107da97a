/**
 * Scores of two classes, with their areas under curves as scikit-learn computes them.
 *
 * @module
 */

import type { MetricStage } from "../../../plugin.ts";
import { readMetricsReference } from "../../reference/fixtures.ts";
import { referenceIntegers, referenceUniform } from "../../reference/values.ts";
import { binaryLabel, classLabel } from "../../support/labels.ts";
import { measure } from "./support.ts";

/** The scores that `metrics.py` ranks, by name, and what it says of them. */
export async function rankedScores() {
  const { ranked: { rows, ...expected } } = await readMetricsReference();
  const label = [...referenceIntegers("metrics/auc/label", rows, 2)];
  const scores: Record<keyof typeof expected, ArrayLike<number>> = {
    distinct: referenceUniform("metrics/auc/distinct", [rows], -3, 3),
    tied: referenceIntegers("metrics/auc/tied", rows, 5),
    constant: new Float32Array(rows),
    perfect: label,
    reversed: label.map((value) => -value),
  };
  return Object.entries(expected).map(([name, expected]) => ({
    name,
    label,
    scores: Array.from(scores[name as keyof typeof scores]),
    expected,
  }));
}

/** Measures a metric for one logit and for two, in batches of several sizes. */
export function measuredRanks(
  stage: MetricStage,
  label: readonly number[],
  scores: readonly number[],
): number[] {
  const rows = label.length;
  const one = { light: scores.map((score) => [score]), label };
  const two = { light: scores.map((score) => [-score / 2, score / 2]), label };
  return [[rows], [25, 25, rows - 50], [1, rows - 1]].flatMap((sizes) =>
    [
      measure(stage, binaryLabel, one, { sizes }),
      measure(stage, classLabel(2), two, { sizes }),
    ] as number[]
  );
}
