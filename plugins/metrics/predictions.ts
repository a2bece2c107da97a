import { type Column, type MetricValue, undefinedMetric, type Values } from "../../plugin.ts";

/** Why a weighted mean has no value. */
export const noWeight = "all weights are 0";

/**
 * The logits of one row.
 *
 * @param logits All logits, `[rows, units]`.
 * @param row The row.
 */
export function rowOf({ values, shape }: Column, row: number): Values {
  const units = shape[0] ?? 1;
  return values.subarray(row * units, (row + 1) * units);
}

/**
 * The class that logits predict: that of the greatest, the first of equals; for one logit 1 if it is above 0.
 *
 * @param logits All logits, `[rows, units]`.
 * @param row The row.
 * @returns The class, or NaN if any logit is NaN: no prediction, which is never right nor agrees with another.
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
 * An accumulator of the mean of one number a row.
 *
 * @param of The number of a row.
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
