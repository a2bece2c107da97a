/**
 * The arrangement of rows in memory. A batch of shuffled rows reads rows that are far from each
 * other. If each column is an array of its own, each value of a row is in another cache line, and
 * waits for memory. In a row block, the values of a row are next to each other.
 *
 * @module
 */

import type { ColumnSpec, Values } from "../stages/batch.ts";
import { combineParts, listParts, type Parts } from "../stages/parts.ts";
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

/** The rows to copy, in the order of the result. */
export interface ChosenRows {
  /** The chunk of each row. */
  readonly chunks: Uint32Array;
  /** The number of each row in its chunk. */
  readonly numbers: Uint32Array;
}

/**
 * Copies rows of several columns. Columns of row blocks share cache lines, so a few rows of all of
 * them are copied at a time.
 *
 * @param copies The columns.
 * @param rows The rows, the same for all columns.
 */
export function copyRows(copies: readonly RowCopy[], rows: ChosenRows): void {
  const count = rows.numbers.length;
  const inBlocks: RowCopy[] = [];
  for (const copy of copies) {
    const { from: { size, strides }, stride } = copy;
    if (stride > size || strides.some((step) => step > size)) inBlocks.push(copy);
    else copyColumn(copy, rows, 0, count);
  }
  for (let start = 0; start < count; start += ROWS_AT_ONCE) {
    const end = Math.min(start + ROWS_AT_ONCE, count);
    for (const copy of inBlocks) copyColumn(copy, rows, start, end);
  }
}

function copyColumn(
  { from: { chunks, size, strides }, to, stride }: RowCopy,
  { chunks: chunkOf, numbers }: ChosenRows,
  start: number,
  end: number,
): void {
  for (let row = start; row < end; row++) {
    const chunk = chunkOf[row]!, values = chunks[chunk]!;
    const first = numbers[row]! * strides[chunk]!;
    if (size === 1) to[row * stride] = values[first]!;
    else to.set(values.subarray(first, first + size), row * stride);
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
    ({ shape }: ColumnSpec, chunks: Values[]): Listed => ({ size: sizeOf(shape), chunks }),
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
  copyRows(copies, {
    chunks: new Uint32Array(rows),
    numbers: Uint32Array.from({ length: rows }, (_, row) => row),
  });
}
