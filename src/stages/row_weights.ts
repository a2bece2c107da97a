/**
 * How much the rows of a batch count in losses.
 *
 * @module
 */

import type { Batch } from "./batch.ts";
import { type LabelPart, labelValue } from "./labels.ts";

/** Factors of the weights of rows, by the class of a label. */
export interface RowWeights {
  /** The label, if there are several. */
  readonly label: LabelPart | undefined;
  /** The factors by class. A row without the label has the factor 1. */
  readonly factors: readonly number[];
}

/**
 * Computes the weight of a row: that of the data, multiplied by the factor of its class.
 *
 * @param batch The rows.
 * @param row The row.
 * @param weights The factors by class; 1 by default.
 */
export function weightOfRow(
  { label, weight }: Pick<Batch, "label" | "weight">,
  row: number,
  weights?: RowWeights,
): number {
  const own = weight?.values[row] ?? 1;
  return weights ? own * (weights.factors[labelValue(label, row, weights.label)] ?? 1) : own;
}

/**
 * Multiplies the weights of rows by factors of their classes.
 *
 * @param batch The rows.
 * @param weights The factors by class; undefined for 1.
 */
export function weightedRows(batch: Batch, weights: RowWeights | undefined): Batch {
  if (!weights) return batch;
  const values = Float32Array.from(
    { length: batch.size },
    (_, row) => weightOfRow(batch, row, weights),
  );
  return { ...batch, weight: { values, shape: [] } };
}

/**
 * Lists the labels of loss terms that nulls may mask, each once.
 *
 * @param terms The loss terms.
 */
export function maskedLabels(
  terms: readonly { readonly label?: LabelPart | undefined }[],
): LabelPart[] {
  const found = terms.flatMap(({ label }) => label?.spec.masked ? [label] : []);
  return [...new Map(found.map((label) => [label.name, label])).values()];
}

/**
 * Computes the sum of the weights of rows; without weights, their number.
 *
 * @param batch The rows.
 * @param label The label that the rows must have; all rows count by default.
 * @param from The first row; 0 by default.
 * @param to The row after the last; the number of rows by default.
 */
export function weightOfRows(
  batch: Pick<Batch, "size" | "label" | "weight">,
  label?: LabelPart,
  from = 0,
  to: number = batch.size,
): number {
  let sum = 0;
  for (let row = from; row < to; row++) {
    if (label && Number.isNaN(labelValue(batch.label, row, label))) continue;
    sum += weightOfRow(batch, row);
  }
  return sum;
}
