import {
  type Data,
  DataType,
  Field,
  type FixedSizeList,
  makeData,
  type RecordBatch,
  Schema,
  type Vector,
} from "apache-arrow";
import type { ArrowFile } from "./arrow.ts";
import type { RandomAccess } from "./random_access.ts";
import type { FixedColumn } from "./row_layout.ts";
import { recordBatchOf } from "../../plugin.ts";

/** A file from which single rows can be read. */
interface RowFile {
  readonly file: RandomAccess;
  readonly columns: readonly FixedColumn[];
  /** Number of rows in the files before this one. */
  readonly first: number;
  /** First row of each record batch within the file, followed by the file's number of rows. */
  readonly bounds: Float64Array;
}

/**
 * Creates a function that reads single rows of Arrow files without loading whole record batches. It
 * reads consecutive rows with one call per column.
 *
 * @param files The files, in order.
 * @param names Names of the columns to read; all columns by default.
 * @returns A function from row numbers to a record batch of these rows; undefined unless all files
 *   are local and uncompressed, the columns have a fixed width, the same types in all files, and no
 *   nulls. Columns with dictionaries need a single file in the IPC file format.
 */
export function rowReader(
  files: readonly ArrowFile[],
  names?: readonly string[],
): ((numbers: ArrayLike<number>) => Promise<RecordBatch>) | undefined {
  const opened: RowFile[] = [];
  let first = 0;
  for (const { file, index } of files) {
    const layout = file.readNow && index.rowLayout(names);
    if (!layout || (opened[0] && !sameColumns(layout.columns, opened[0].columns))) return undefined;
    const bounds = new Float64Array(index.rowCounts.length + 1);
    index.rowCounts.forEach((rows, batch) => bounds[batch + 1] = bounds[batch]! + rows);
    opened.push({ file, columns: layout.columns, first, bounds });
    first += bounds.at(-1)!;
  }
  // The dictionaries come from the first record batch, which is read once for this.
  let words: Promise<RecordBatch> | undefined;
  const fields = opened[0]!.columns.map(({ field }) => field);
  const dictionaries = fields.some(({ type }) => DataType.isDictionary(type));
  // Dictionaries can differ between files, and those of a stream can grow.
  if (dictionaries && (files.length > 1 || files[0]!.format === "stream")) return undefined;
  return async (numbers) => {
    if (dictionaries) words ??= files[0]!.index.read(0);
    const known = await words;
    return readRows(opened, fields, numbers, first, known);
  };
}

/**
 * Checks whether columns have the same layout in two files. Decimals with equal numbers of digits
 * can have different widths.
 */
function sameColumns(some: readonly FixedColumn[], others: readonly FixedColumn[]): boolean {
  return some.every(({ field, width }, index) => {
    const other = others[index]!;
    const same = field.name === other.field.name && String(field.type) === String(other.field.type);
    return same && width === other.width;
  });
}

function readRows(
  files: readonly RowFile[],
  fields: readonly Field[],
  numbers: ArrayLike<number>,
  total: number,
  known: RecordBatch | undefined,
): RecordBatch {
  for (const { file } of files) file.refuseChanged();
  const rows = numbers.length;
  const bytes = files[0]!.columns.map(({ width }) => new Uint8Array(rows * width || rows));
  for (let start = 0; start < rows;) {
    const number = numbers[start]!;
    if (!(number >= 0 && number < total)) {
      throw new RangeError(`no row ${number} among ${total}`);
    }
    const { file, columns, first, bounds } = files[fileOf(files, number)]!;
    const row = number - first, batch = lastAtMost(bounds, row);
    const within = row - bounds[batch]!, left = bounds[batch + 1]! - row;
    let end = start + 1;
    while (end < rows && end - start < left && numbers[end] === number + end - start) end++;
    for (const [index, { width, starts }] of columns.entries()) {
      const into = bytes[index]!, offset = starts[batch]!;
      if (width > 0) {
        file.readNow!(offset + within * width, into.subarray(start * width, end * width));
      } else {
        readBits(file, offset, within, into.subarray(start, end));
      }
    }
    start = end;
  }
  const children = fields.map(({ name, type }, index) =>
    columnOf(type, rows, bytes[index]!, known?.getChild(name) ?? undefined)
  );
  const schema = new Schema([...fields]);
  return recordBatchOf(schema, children, rows);
}

/** Reads booleans from bits into one byte each. */
function readBits(file: RandomAccess, offset: number, first: number, into: Uint8Array): void {
  const from = first >> 3, to = (first + into.length + 7) >> 3;
  const packed = new Uint8Array(to - from);
  file.readNow!(offset + from, packed);
  for (let row = 0; row < into.length; row++) {
    const bit = first + row - from * 8;
    into[row] = packed[bit >> 3]! >> (bit & 7) & 1;
  }
}

/** Creates a column from the bytes of its values. */
function columnOf(
  type: DataType,
  rows: number,
  bytes: Uint8Array<ArrayBuffer>,
  known: Vector | undefined,
): Data {
  if (DataType.isFixedSizeList(type)) {
    const { listSize, children: [{ type: inner } = new Field("", type)] } = type as FixedSizeList;
    const child = columnOf(inner, rows * listSize, bytes, undefined);
    return makeData({ type, length: rows, nullCount: 0, child });
  }
  const plain = { type, length: rows, nullCount: 0 };
  if (DataType.isBool(type)) return makeData({ ...plain, type, data: packed(bytes) });
  const array = (DataType.isDictionary(type) ? type.indices : type).ArrayType as new (
    buffer: ArrayBuffer,
  ) => Uint8Array;
  const data = new array(bytes.buffer);
  return DataType.isDictionary(type)
    ? makeData({ ...plain, type, data, dictionary: known!.data[0]!.dictionary! })
    : makeData({ ...plain, type, data } as Parameters<typeof makeData>[0]);
}

function packed(bits: Uint8Array): Uint8Array {
  const bytes = new Uint8Array((bits.length + 7) >> 3);
  bits.forEach((bit, index) => bytes[index >> 3]! |= bit << (index & 7));
  return bytes;
}

function fileOf(files: readonly RowFile[], number: number): number {
  let file = files.length - 1;
  while (files[file]!.first > number) file--;
  return file;
}

/**
 * Returns the index of the record batch that has a row. If empty record batches start at the same
 * row, it is the last one that starts there.
 */
function lastAtMost(bounds: Float64Array, value: number): number {
  let low = 0, high = bounds.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (bounds[middle]! <= value) low = middle;
    else high = middle;
  }
  return low;
}
