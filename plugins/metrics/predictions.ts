import {
  type Column,
  hint,
  type LabelSpec,
  type MetricValue,
  undefinedMetric,
  UserError,
  type Values,
} from "../../plugin.ts";

/** The message for a weighted mean that is undefined because all weights are 0. */
export const noWeight = "all weights are 0";

/**
 * Throws an error if the label is a number.
 *
 * @param metric The metric's name.
 * @param label The label.
 * @throws {UserError} If it is a number.
 */
export function refuseNumber(metric: string, label: LabelSpec): void {
  if (label.kind !== "number") return;
  throw new UserError(`${metric} needs classes; the label is a number`, {
    hint: hint("metrics/number", "use mean-absolute-error", {
      set: { use: "mean-absolute-error" },
    }),
  });
}

/**
 * Throws an error if the label is not a number.
 *
 * @param metric The metric's name.
 * @param label The label.
 * @throws {UserError} If it has classes.
 */
export function refuseClasses(metric: string, { kind }: LabelSpec): void {
  if (kind === "number") return;
  throw new UserError(`${metric} needs a label of kind number; this label has the kind ${kind}`, {
    hint: hint("metrics/classes", "use accuracy", { set: { use: "accuracy" } }),
  });
}

/**
 * Returns the logits of one row.
 *
 * @param logits All logits, `[rows, units]`.
 * @param row The row.
 */
export function rowOf({ values, shape }: Column, row: number): Values {
  const units = shape[0] ?? 1;
  return values.subarray(row * units, (row + 1) * units);
}

/**
 * Returns the class that logits predict: the one with the largest logit. If several classes have
 * the largest logit, it is the first of them. For a single logit, it is 1 if the logit is above 0,
 * and otherwise 0.
 *
 * @param logits All logits, `[rows, units]`.
 * @param row The row.
 * @returns The class. NaN if any logit is NaN; it never counts as correct or as agreement.
 */
export function predictedClass(logits: Column, row: number): number {
  const own = rowOf(logits, row);
  if (own.some(Number.isNaN)) return NaN;
  if (own.length === 1) return Number(own[0]! > 0);
  let best = 0;
  for (let index = 1; index < own.length; index++) {
    if (own[index]! > own[best]!) best = index;
  }
  return best;
}

/**
 * Computes −log p of a row's class, where p is the sigmoid of one logit, or the softmax of several.
 * It is computed from logits, so no probability is rounded to 0.
 *
 * @param logits All logits, `[rows, units]`.
 * @param row The row.
 * @param label The row's class.
 */
export function negativeLogProbability(logits: Column, row: number, label: number): number {
  const own = rowOf(logits, row);
  return own.length === 1
    ? softplus(label === 1 ? -own[0]! : own[0]!)
    : logSumExp(own) - own[label]!;
}

/** log(1 + eˣ). */
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

function logSumExp(logits: ArrayLike<number> & Iterable<number>): number {
  // A loop, because `Math.max(...logits)` overflows the stack with some 100,000 classes.
  let greatest = -Infinity, sum = 0;
  for (const logit of logits) greatest = Math.max(greatest, logit);
  for (const logit of logits) sum += Math.exp(logit - greatest);
  return greatest + Math.log(sum);
}

/**
 * Creates an accumulator that computes the mean of one number per row.
 *
 * @param of Returns the number for a row.
 * @returns The mean over all rows; undefined without rows.
 */
export function meanOver<Batch extends { readonly size: number }>(
  of: (batch: Batch, row: number) => number,
): { add(batch: Batch): void; value(): MetricValue } {
  let sum = 0, rows = 0;
  return {
    add(batch) {
      for (let row = 0; row < batch.size; row++) sum += of(batch, row);
      rows += batch.size;
    },
    value: () => rows === 0 ? undefinedMetric("no rows") : sum / rows,
  };
}
