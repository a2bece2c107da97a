/**
 * Several labels in one column: the values of a row are side by side, and NaN stands for a null that
 * masks a label.
 *
 * @module
 */

import type { Values } from "../stages/batch.ts";
import type { ColumnChunk } from "./columns.ts";

/**
 * Joins the columns of several labels into one column, with the values of a row side by side.
 *
 * @param chunks The columns.
 * @param masked Whether nulls mask a label, in the order of the columns. Other nulls drop rows.
 * @param rows The number of rows.
 */
export function packedLabels(
  chunks: readonly ColumnChunk[],
  masked: readonly boolean[],
  rows: number,
): ColumnChunk {
  // A label without values needs a place for NaN.
  const widths = chunks.map(({ values, labels }) =>
    Math.max(labels?.widths[0] ?? values.length / rows, 1)
  );
  const width = sumOf(widths), packed = new Float32Array(rows * width);
  let dropped: Uint8Array | undefined, at = 0;
  for (const [index, { values, labels, ...chunk }] of chunks.entries()) {
    const nulls = chunk.dropped, isMasked = masked[index];
    const own = labels?.widths[0] ?? 1;
    for (let row = 0; row < rows; row++) {
      const start = row * width + at;
      if (isMasked && nulls?.[row]) packed[start] = NaN;
      else {for (let place = 0; place < own; place++) {
          packed[start + place] = values[row * own + place]!;
        }}
    }
    at += widths[index]!;
    if (!nulls || isMasked) continue;
    dropped ??= new Uint8Array(rows);
    for (let row = 0; row < rows; row++) dropped[row]! |= nulls[row]!;
  }
  return { values: packed, dropped, labels: { rows, widths } };
}

/**
 * Extracts the column of one label from the joined column of several labels. A null becomes the
 * first class that was found, because the classes may still have to be sorted.
 *
 * @param chunk The labels, from {@linkcode packedLabels}.
 * @param index The number of the label.
 */
export function unpackedLabel(
  { values, dropped, labels }: ColumnChunk,
  index: number,
): ColumnChunk {
  const { rows, widths } = labels!;
  const width = sumOf(widths), at = sumOf(widths.slice(0, index)), own = widths[index]!;
  const column = new Float64Array(rows * own);
  for (let place = 0; place < column.length; place++) {
    const value = values[Math.floor(place / own) * width + at + place % own]!;
    column[place] = Number.isNaN(value) ? 0 : value;
  }
  return { values: column, dropped, labels: { rows, widths: [own] } };
}

/**
 * Joins the columns of several labels again, after their classes have been sorted.
 *
 * @param chunk The labels as they were read, in which NaN stands for nulls.
 * @param columns The final values of each label.
 * @param sizes The number of values per row of each label.
 */
export function repackedLabels(
  { values, labels }: ColumnChunk,
  columns: readonly Values[],
  sizes: readonly number[],
): Float32Array {
  const { rows, widths } = labels!;
  const width = sumOf(sizes), before = sumOf(widths), packed = new Float32Array(rows * width);
  let at = 0, from = 0;
  for (const [index, size] of sizes.entries()) {
    const column = columns[index]!;
    for (let row = 0; row < rows; row++) {
      const start = row * width + at;
      if (Number.isNaN(values[row * before + from]!)) packed.fill(NaN, start, start + size);
      else packed.set(column.subarray(row * size, (row + 1) * size), start);
    }
    at += size;
    from += widths[index]!;
  }
  return packed;
}

const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);
