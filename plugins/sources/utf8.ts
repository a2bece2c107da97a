/**
 * Finds texts in record batches that are not valid UTF-8. arrow-js replaces invalid bytes with
 * U+FFFD, so that different texts could become equal.
 *
 * @module
 */

import { isUtf8 } from "node:buffer";
import { BinaryView, type Data, DataType, type RecordBatch, Vector } from "apache-arrow";
import { hint, type HintText } from "../../plugin.ts";

/** The position of a text that is not valid UTF-8. */
export interface BrokenText {
  /** Name of the column. */
  readonly column: string;
  /** Row within the record batch, from 0. */
  readonly row: number;
  /** Whether the text is inside a list or a struct. */
  readonly nested: boolean;
}

/**
 * Finds the first text that is not valid UTF-8. Nulls, and dictionary entries that no row uses, are
 * ignored.
 *
 * @param batch The record batch.
 * @param columns Names of the columns to check; all columns by default.
 * @returns The position of the text; undefined if all texts are valid.
 */
export function findBrokenText(
  batch: RecordBatch,
  columns: readonly string[] | undefined,
): BrokenText | undefined {
  const wanted = columns && new Set(columns);
  for (const [index, { name }] of batch.schema.fields.entries()) {
    if (wanted && !wanted.has(name)) continue;
    const data = batch.data.children[index] as Data, nested = data.children.length > 0;
    for (const row of brokenRows(data)) return { column: name, row, nested };
  }
  return undefined;
}

/**
 * Returns the hint for a text in a data file that is not valid UTF-8.
 *
 * @param column Name of the text's column; undefined if it is unknown, or if the text is inside a
 *   list or a struct.
 * @returns The hint.
 */
export function decodeHint(column: string | undefined): HintText {
  if (column === undefined) {
    return hint("source/texts", "write all texts of the file as UTF-8", { edit: "the data file" });
  }
  const name = JSON.stringify(column);
  return hint(
    "source/utf-8",
    "decode the text with its own encoding, such as Latin-1, in Python: " +
      `table.set_column(table.column_names.index(${name}), ${name}, ` +
      `[[text and text.decode("latin-1") for text in table[${name}].cast("binary").to_pylist()]])`,
    { edit: "the data file" },
  );
}

/** Yields the rows that are, or contain, a text which is not valid UTF-8. */
function* brokenRows(data: Data): Generator<number> {
  const { type } = data;
  if (DataType.isDictionary(type)) yield* brokenIndices(data);
  else if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) yield* brokenTexts(data);
  else if (DataType.isUtf8View(type)) yield* brokenViews(data);
  else if (!DataType.isUnion(type)) {
    for (const index of data.children.keys()) yield* brokenParents(data, index);
  }
}

function* brokenTexts(data: Data): Generator<number> {
  const { length, values } = data;
  const offsets = data.valueOffsets as unknown as ArrayLike<number | bigint>;
  if (length === 0 || isWhole(values, offsets, length)) return;
  for (let row = 0; row < length; row++) {
    const bytes = values.subarray(Number(offsets[row]), Number(offsets[row + 1]));
    if (!isUtf8(bytes) && data.getValid(row)) yield row;
  }
}

/** Checks whether all texts together are valid UTF-8 and no text starts within a character. */
function isWhole(
  bytes: Uint8Array,
  offsets: ArrayLike<number | bigint>,
  length: number,
): boolean {
  if (!isUtf8(bytes.subarray(Number(offsets[0]), Number(offsets[length])))) return false;
  for (let row = 1; row < length; row++) {
    if ((bytes[Number(offsets[row])]! & 0xc0) === 0x80) return false;
  }
  return true;
}

function* brokenViews(data: Data): Generator<number> {
  const bytes = new Vector([data.clone(new BinaryView() as never)]);
  for (let row = 0; row < data.length; row++) {
    const value = bytes.get(row) as Uint8Array | null;
    if (value && !isUtf8(value)) yield row;
  }
}

/** Invalid entries of each dictionary, cached because record batches share dictionaries. */
const brokenEntries = new WeakMap<Vector, ReadonlySet<number>>();

function* brokenIndices(data: Data): Generator<number> {
  const { dictionary, length } = data;
  if (!dictionary) return;
  let broken = brokenEntries.get(dictionary);
  if (!broken) {
    const found: number[] = [];
    let first = 0;
    for (const part of dictionary.data as readonly Data[]) {
      for (const entry of brokenRows(part)) found.push(first + entry);
      first += part.length;
    }
    brokenEntries.set(dictionary, broken = new Set(found));
  }
  if (broken.size === 0) return;
  const indices = data.values as ArrayLike<number | bigint>;
  for (let row = 0; row < length; row++) {
    if (broken.has(Number(indices[row])) && data.getValid(row)) yield row;
  }
}

/**
 * Yields the rows of a list or struct column that contain an invalid text in one of its child
 * columns.
 */
function* brokenParents(data: Data, index: number): Generator<number> {
  const { type, length } = data, child = data.children[index] as Data;
  const offsets = data.valueOffsets as unknown as ArrayLike<number | bigint> | undefined;
  const size = DataType.isFixedSizeList(type) ? type.listSize : 1;
  let row = 0;
  for (const part of brokenRows(child)) {
    if (!offsets) row = Math.floor(part / size);
    else while (row < length && Number(offsets[row + 1]) <= part) row++;
    if (row >= length) return;
    if (offsets && part < Number(offsets[row])) continue;
    if (data.getValid(row)) yield row;
  }
}
