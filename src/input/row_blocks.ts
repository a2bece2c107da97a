/**
 * The arrangement of rows in memory. A batch of shuffled rows reads rows that are far from each
 * other. If each column is an array of its own, each value of a row is in another cache line, and
 * waits for memory. In a row block, the values of a row are next to each other.
 *
 * @module
 */

import type { ColumnSpec, Values } from "../stages/batch.ts";
import { combineParts, listParts, type Parts } from "../stages/parts.ts";
import { lastAtMost } from "./bounds.ts";
import { sizeOf } from "./columns.ts";
import type { StoredColumns } from "./rows.ts";

/** The number of bytes of a row in a column from which on a row block would not help: a cache line. */
const WIDE = 64;

/** The number of rows that are copied column by column; their cache lines fit in the fastest cache. */
const ROWS_AT_ONCE = 256;

/** The values of a column in chunks of rows. */
export interface RowChunks {
  /** The values of each chunk, from the first value of its first row to the last of its last row. */
  readonly chunks: readonly Values[];
  /** The number of values of a row. */
  readonly size: number;
  /** The number of elements from a row to the next one in each chunk; more than `size` in a row block. */
  readonly strides: Uint32Array;
}

/**
 * Finds out how far the rows of a column are from each other.
 *
 * @param chunks The values of each chunk, from the first value of its first row to the last of its
 *   last row.
 * @param chunkRows The number of rows in each chunk.
 * @param size The number of values of a row.
 */
export function rowChunks(
  chunks: readonly Values[],
  chunkRows: readonly number[],
  size: number,
): RowChunks {
  const strides = Uint32Array.from(chunks, ({ length }, chunk) => {
    const rows = chunkRows[chunk]!;
    return rows > 1 ? (length - size) / (rows - 1) : size;
  });
  return { chunks, size, strides };
}

/** A copy of rows of a column. */
export interface RowCopy {
  /** The rows. */
  readonly from: RowChunks;
  /** The array that receives the rows. */
  readonly to: Values;
  /** The number of elements from a row to the next one in this array. */
  readonly stride: number;
}

/** The rows to copy, ordered by their chunks. */
export interface ChosenRows {
  /** The place of each row in the result. */
  readonly places: Uint32Array;
  /** The number of each row in its chunk. */
  readonly numbers: Uint32Array;
  /** The rows of each chunk, as a range of `places` and `numbers`. */
  readonly runs: readonly RowRun[];
}

/** Rows of one chunk. */
export interface RowRun {
  /** The number of the chunk. */
  readonly chunk: number;
  /** The first row, as an index of {@linkcode ChosenRows}. */
  readonly start: number;
  /** The index after the last row. */
  readonly end: number;
}

/**
 * Orders rows by their chunks, because reading one chunk after the other is faster.
 *
 * @param rows The numbers of the rows in all chunks together.
 * @param bounds The first row of each chunk, followed by the number of rows.
 */
export function chooseRows(rows: ArrayLike<number>, bounds: Uint32Array): ChosenRows {
  const count = rows.length, chunkOf = new Uint32Array(count);
  const next = new Uint32Array(bounds.length);
  for (let row = 0; row < count; row++) {
    const chunk = lastAtMost(bounds, rows[row]!);
    chunkOf[row] = chunk;
    next[chunk]!++;
  }
  const runs: RowRun[] = [];
  let start = 0;
  for (let chunk = 0; chunk < next.length; chunk++) {
    const end = start + next[chunk]!;
    next[chunk] = start;
    if (end > start) runs.push({ chunk, start, end });
    start = end;
  }
  const places = new Uint32Array(count), numbers = new Uint32Array(count);
  for (let row = 0; row < count; row++) {
    const chunk = chunkOf[row]!, index = next[chunk]!++;
    places[index] = row;
    numbers[index] = rows[row]! - bounds[chunk]!;
  }
  return { places, numbers, runs };
}

/**
 * Returns consecutive rows of a chunk.
 *
 * @param chunk The number of the chunk.
 * @param first The number of the first row in the chunk.
 * @param count The number of rows.
 */
export function consecutiveRows(chunk: number, first: number, count: number): ChosenRows {
  const places = new Uint32Array(count), numbers = new Uint32Array(count);
  for (let row = 0; row < count; row++) {
    places[row] = row;
    numbers[row] = first + row;
  }
  return { places, numbers, runs: [{ chunk, start: 0, end: count }] };
}

/**
 * Copies rows of several columns. Columns of row blocks share cache lines, so a few rows of all of
 * them are copied at a time.
 *
 * @param copies The columns.
 * @param rows The rows, the same for all columns.
 */
export function copyRows(copies: readonly RowCopy[], rows: ChosenRows): void {
  const apart: RowCopy[] = [], inBlocks: RowCopy[] = [];
  for (const copy of copies) {
    const { from: { size, strides }, stride } = copy;
    const hasGaps = stride > size || strides.some((step) => step > size);
    (hasGaps ? inBlocks : apart).push(copy);
  }
  for (const { chunk, start, end } of rows.runs) {
    for (const copy of apart) copyColumn(copy, rows, { chunk, start, end });
    for (let from = start; from < end; from += ROWS_AT_ONCE) {
      const run = { chunk, start: from, end: Math.min(from + ROWS_AT_ONCE, end) };
      for (const copy of inBlocks) copyColumn(copy, rows, run);
    }
  }
}

function copyColumn(
  { from: { chunks, size, strides }, to, stride }: RowCopy,
  rows: ChosenRows,
  run: RowRun,
): void {
  const values = chunks[run.chunk]!, step = strides[run.chunk]!;
  if (size === 1 && values.BYTES_PER_ELEMENT === 4 && values.constructor === to.constructor) {
    return copyWords(words(values), step, { to: words(to), stride, rows, run });
  }
  const { places, numbers } = rows, { start, end } = run;
  if (size === 1) {
    for (let row = start; row < end; row++) {
      to[places[row]! * stride] = values[numbers[row]! * step]!;
    }
    return;
  }
  for (let row = start; row < end; row++) {
    const first = numbers[row]! * step;
    to.set(values.subarray(first, first + size), places[row]! * stride);
  }
}

/** Returns the elements of an array, which take four bytes each, as integers. */
const words = ({ buffer, byteOffset, length }: Values) =>
  new Uint32Array(buffer, byteOffset, length);

/**
 * Copies a column whose rows are single values of four bytes. A loop over arrays of one class is
 * several times as fast as one over arrays of several classes.
 */
function copyWords(
  values: Uint32Array,
  step: number,
  { to, stride, rows: { places, numbers }, run: { start, end } }: {
    readonly to: Uint32Array;
    readonly stride: number;
    readonly rows: ChosenRows;
    readonly run: RowRun;
  },
): void {
  for (let row = start; row < end; row++) {
    to[places[row]! * stride] = values[numbers[row]! * step]!;
  }
}

/** The chunks of each column, in lists that may be changed. */
type Chunks = Parts<Values[]>;

/**
 * Moves columns into row blocks in shared memory: all columns with short rows whose values take the
 * same number of bytes. Chunk by chunk, a block replaces the columns in their lists, so that rows do
 * not need their memory twice.
 *
 * @param columns The columns.
 */
export function moveToRowBlocks(
  { chunkRows, specs, values }: Omit<StoredColumns, "values"> & { readonly values: Chunks },
): void {
  const columns = listParts(combineParts(
    [specs, values],
    ([{ shape }, chunks]: [ColumnSpec, Values[]]): Listed => ({ size: sizeOf(shape), chunks }),
  ));
  chunkRows.forEach((rows, chunk) => {
    for (const bytes of [1, 2, 4, 8]) {
      const members = columns.filter(({ size, chunks }) =>
        chunks[chunk]!.BYTES_PER_ELEMENT === bytes && 0 < size && size * bytes < WIDE
      );
      if (members.length > 1 && rows > 0) moveToBlock(members, chunk, rows);
    }
  });
}

/** A column: the number of values of a row, and its chunks. */
interface Listed {
  readonly size: number;
  readonly chunks: Values[];
}

function moveToBlock(columns: readonly Listed[], chunk: number, rows: number): void {
  const stride = columns.reduce((sum, { size }) => sum + size, 0);
  const { BYTES_PER_ELEMENT: bytes } = columns[0]!.chunks[chunk]!;
  const block = new SharedArrayBuffer(rows * stride * bytes);
  let offset = 0;
  const copies = columns.map(({ size, chunks }): RowCopy => {
    const from = rowChunks([chunks[chunk]!], [rows], size);
    const array = chunks[chunk]!.constructor as new (
      ...view: [buffer: SharedArrayBuffer, offset: number, length: number]
    ) => Values;
    const to = new array(block, offset * bytes, (rows - 1) * stride + size);
    offset += size;
    chunks[chunk] = to;
    return { from, to, stride };
  });
  copyRows(copies, consecutiveRows(0, 0, rows));
}
