/**
 * Whether the texts of record batches are UTF-8. arrow-js reads what is not as U+FFFD, so that
 * texts that differ would become one.
 *
 * @module
 */

import { isUtf8 } from "node:buffer";
import { BinaryView, type Data, DataType, type RecordBatch, Vector } from "apache-arrow";
import { hint, type HintText } from "../../plugin.ts";

/** A text that is no UTF-8. */
export interface BrokenText {
  /** The column that it is in. */
  readonly column: string;
  /** The row of the record batch. */
  readonly row: number;
  /** Whether it is in a list or a struct. */
  readonly nested: boolean;
}

/**
 * Finds the first text of some columns that is no UTF-8. A null, and an entry of a dictionary that
 * no row has, are none.
 *
 * @param batch The record batch.
 * @param columns The columns; all by default.
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
 * What to do about such a text.
 *
 * @param column The column that it is in, where that is known and has a text a row.
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

/** The rows of a column that have a text which is no UTF-8, or a part that is one. */
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

/** Whether all texts together are UTF-8, and none starts within a character. */
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

/** The broken entries of dictionaries, which record batches have in common. */
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

/** The rows of a column of lists or structs of which a part is broken. */
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
