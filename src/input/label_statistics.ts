import type { Batch, LabelStatistics } from "../stages/batch.ts";
import { type Rows, StoredRows } from "./rows.ts";

/** The number of rows that are read at once. */
const AT_ONCE = 8192;

/**
 * Computes the statistics of the label over all rows of a split. Rows that are not in memory are
 * read once.
 *
 * @param rows The training rows.
 * @param weights Factors of the weights of rows, by class; 1 by default.
 */
export async function labelStatistics(
  rows: Rows,
  weights?: readonly number[],
): Promise<LabelStatistics> {
  const { kind, classes: count } = rows.label;
  const classes = new Float64Array(count);
  let total = 0, sum = 0;
  for await (const { size, label, weight } of labelBatches(rows)) {
    for (let row = 0; row < size; row++) {
      const value = label.values[row]!;
      const counted = (weight?.values[row] ?? 1) * (weights?.[value] ?? 1);
      total += counted;
      sum += counted * value;
      if (kind !== "number") classes[value]! += counted;
    }
  }
  const mean = kind === "class" || total === 0 ? 0 : sum / total;
  return { rows: rows.rows, total, classes: [...classes], mean };
}

/**
 * Reads the labels and weights of all rows of a split, in order.
 *
 * @param rows The rows.
 */
export async function* labelBatches(rows: Rows): AsyncGenerator<Batch> {
  const read = rows instanceof StoredRows ? rows.labelRows() : rows;
  for (let start = 0; start < rows.rows; start += AT_ONCE) {
    yield await read.slice(start, Math.min(start + AT_ONCE, rows.rows));
  }
}
