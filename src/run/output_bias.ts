import type { LabelSpec } from "../stages/batch.ts";

/**
 * Computes the bias with which a net that outputs nothing else predicts the base rate of the
 * training rows: the logarithms of the frequencies of the classes, the log odds of the positive
 * class for one logit, the log odds of each class of a multi-label label, or the mean of a label that
 * is a number. A class without rows counts as half
 * a row, because its logarithm would be infinite.
 *
 * @param label The label, with its statistics.
 * @returns One number per logit, in the order of several labels; zeros if all rows have the weight 0.
 */
export function baseRateBias({ kind, classes, training, labels }: LabelSpec): number[] {
  if (labels) return Object.values(labels).flatMap(baseRateBias);
  const { rows, total, mean, classes: counts } = training!;
  if (kind === "number") return [mean];
  if (total === 0) return Array<number>(kind === "binary" ? 1 : classes).fill(0);
  const logOf = (count: number) => Math.log(Math.max(count / total, 0.5 / rows));
  if (kind === "multi-label") return counts.map((count) => logOf(count) - logOf(total - count));
  const logs = counts.map(logOf);
  return kind === "binary" ? [logs[1]! - logs[0]!] : logs;
}
