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
 * @param chunks The columns, with one value per row each.
 * @param masked Whether nulls mask a label, in the order of the columns. Other nulls drop rows.
 */
export function packedLabels(
  chunks: readonly ColumnChunk[],
  masked: readonly boolean[],
): ColumnChunk {
  const rows = chunks[0]!.values.length, width = chunks.length;
  const values = new Float32Array(rows * width);
  let dropped: Uint8Array | undefined;
  for (const [at, chunk] of chunks.entries()) {
    const nulls = chunk.dropped, isMasked = masked[at];
    for (let row = 0; row < rows; row++) {
      values[row * width + at] = isMasked && nulls?.[row] ? NaN : chunk.values[row]!;
    }
    if (!nulls || isMasked) continue;
    dropped ??= new Uint8Array(rows);
    for (let row = 0; row < rows; row++) dropped[row]! |= nulls[row]!;
  }
  return { values, dropped };
}

/**
 * Extracts the column of one label from the joined column of several labels. A null becomes the
 * first class that was found, because the classes may still have to be sorted.
 *
 * @param chunk The labels, from {@linkcode packedLabels}.
 * @param at The position of the label.
 * @param width The number of labels.
 */
export function unpackedLabel(
  { values, dropped }: ColumnChunk,
  at: number,
  width: number,
): ColumnChunk {
  const rows = values.length / width;
  const own = Float64Array.from({ length: rows }, (_, row) => {
    const value = values[row * width + at]!;
    return Number.isNaN(value) ? 0 : value;
  });
  return { values: own, dropped };
}

/**
 * Joins the columns of several labels again, after their classes have been sorted.
 *
 * @param chunk The labels as they were read, in which NaN stands for nulls.
 * @param columns The final values of each label.
 */
export function repackedLabels({ values }: ColumnChunk, columns: readonly Values[]): Float32Array {
  const width = columns.length;
  return Float32Array.from(
    values,
    (value, index) =>
      Number.isNaN(value) ? NaN : columns[index % width]![Math.floor(index / width)]!,
  );
}
