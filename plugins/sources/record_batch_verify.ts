/**
 * Whether the columns of a record batch are as long as they say. arrow-js makes views of what is
 * there, and reads undefined behind their ends; pyarrow's `validate(full=True)` looks at the same.
 *
 * @module
 */

import {
  type Data,
  DataType,
  type Field,
  type FixedSizeBinary,
  type FixedSizeList,
} from "apache-arrow";
import { nodesOf, ownBuffers, type RecordBatchHeader } from "./row_layout.ts";

/** A column is not what it says; the message says how. */
export class ColumnError extends Error {
  override name = "ColumnError";
}

/**
 * Refuses a column of whole numbers of a width that there is not. arrow-js tells only where it
 * makes an array.
 *
 * @param type The column's type.
 * @param name What to call it.
 * @throws {ColumnError} If it has such numbers, or a column in it.
 */
export function verifyType(type: DataType, name: string): void {
  if (DataType.isDictionary(type)) {
    verifyType(type.indices, name);
    verifyType(type.dictionary, name);
  } else if (DataType.isInt(type) && ![8, 16, 32, 64].includes(type.bitWidth)) {
    throw new ColumnError(`the column ${name} says that it has numbers of ${type.bitWidth} bits`);
  }
  for (const field of type.children ?? []) {
    verifyType((field as Field).type, `${name}.${(field as Field).name}`);
  }
}

/**
 * Refuses buffers that are not within their message's body, whatever reads them later.
 *
 * @param buffers What the message says of them.
 * @param bodyLength The bytes of the body.
 * @throws {ColumnError} If one leads out of it.
 */
export function verifyBuffers(buffers: RecordBatchHeader["buffers"], bodyLength: number): void {
  for (const buffer of buffers) {
    const offset = Number(buffer.offset), length = Number(buffer.length);
    if (offset >= 0 && length >= 0 && offset + length <= bodyLength) continue;
    throw new ColumnError(
      `a column has ${length} bytes from byte ${offset} on of a body of ${bodyLength} bytes`,
    );
  }
}

/**
 * Refuses columns of other lengths than their record batch. arrow-js would fill shorter ones up
 * with nulls, however many are said to be missing.
 *
 * @param fields The columns.
 * @param header What the message says of them.
 * @throws {ColumnError} If a column says that it has other rows.
 */
export function verifyRows(fields: readonly Field[], { length, nodes }: RecordBatchHeader): void {
  let node = 0;
  for (const { name, type } of fields) {
    const own = nodes[node];
    node += nodesOf(type);
    if (Number(own?.length) === length) continue;
    throw new ColumnError(
      own
        ? `the column ${name} says that it has ${own.length} rows, and there are ${length}`
        : `the column ${name} is missing`,
    );
  }
}

/**
 * Counts the nulls of columns. arrow-js takes no look at the bits of a column that says
 * that it has none, so that its nulls would be read as whatever stands there.
 *
 * @param fields The columns.
 * @param header What the message says of them.
 * @param body Its body.
 * @throws {ColumnError} If a column says that it has other nulls than it marks.
 */
export function verifyNulls(
  fields: readonly Field[],
  header: RecordBatchHeader,
  body: Uint8Array,
): void {
  let node = 0, buffer = 0;
  /** Whether what comes behind the column can be found. */
  const verify = ({ type, name }: Field, within: string): boolean => {
    const buffers = ownBuffers(type), said = header.nodes[node++];
    if (buffers === undefined || !said) return false;
    const valid = header.buffers[buffer];
    buffer += buffers;
    const length = Number(said.length), nullCount = Number(said.nullCount);
    const marked = !DataType.isNull(type) && !DataType.isUnion(type) && valid;
    const bytes = Number(marked ? valid.length : 0);
    if (bytes * 8 >= length && bytes > 0) {
      const offset = Number(valid!.offset);
      const nulls = length - bitsOf(body.subarray(offset, offset + bytes), length);
      if (nulls !== nullCount) {
        throw new ColumnError(
          `the column ${within}${name} says that ${nullCount} of its ${length} rows are null, and ` +
            `marks ${nulls}`,
        );
      }
    }
    return DataType.isDictionary(type) ||
      (type.children ?? []).every((child: Field) => verify(child, `${within}${name}.`));
  };
  for (const field of fields) if (!verify(field, "")) return;
}

/** How many of the first bits are set. */
function bitsOf(bytes: Uint8Array, length: number): number {
  let bits = 0;
  const whole = length >> 3;
  for (let index = 0; index < whole; index++) bits += bitsInByte[bytes[index]!]!;
  return length & 7 ? bits + bitsInByte[bytes[whole]! & ((1 << (length & 7)) - 1)]! : bits;
}

const bitsInByte = Uint8Array.from({ length: 256 }, (_, byte) => {
  let bits = 0;
  for (let left = byte; left > 0; left >>= 1) bits += left & 1;
  return bits;
});

/**
 * Refuses a column whose buffers are too short for its rows, or whose offsets do not rise.
 *
 * @param data The column.
 * @param name What to call it.
 * @throws {ColumnError} If it does not hold together.
 */
export function verifyColumn(data: Data, name: string): void {
  const { type, length, nullCount, nullBitmap } = data;
  const fail = (why: string): never => {
    throw new ColumnError(`the column ${name} ${why}`);
  };
  if (!Number.isSafeInteger(length) || length < 0) fail(`says that it has ${length} rows`);
  if (DataType.isNull(type)) return;
  if (nullCount > 0) {
    if (nullCount > length) fail(`says that ${nullCount} of its ${length} rows are null`);
    if ((nullBitmap?.length ?? 0) * 8 < data.offset + length) fail("has no room for its nulls");
    const nulls = length - bitsOf(nullBitmap!, length);
    if (data.offset === 0 && nulls !== nullCount) {
      fail(`says that ${nullCount} of its ${length} rows are null, and marks ${nulls}`);
    }
  }
  const { values, valueOffsets: offsets, children } = data;
  if (DataType.isDictionary(type)) {
    if (values.length < length) fail(shortOf(values.length, length));
    verifyIndices(data, fail);
    return;
  }
  if (offsets) {
    const last = verifyOffsets(offsets as unknown as ArrayLike<number | bigint>, length, fail);
    const room = children[0]?.length ?? values?.length ?? 0;
    if (last > room) fail(`has a value that ends at ${last}, where it has ${room}`);
  }
  if (DataType.isFixedSizeList(type)) {
    const needed = length * (type as FixedSizeList).listSize;
    if (children[0]!.length < needed) fail(shortOf(children[0]!.length, needed));
  }
  if (DataType.isStruct(type)) {
    for (const child of children) if (child.length < length) fail(shortOf(child.length, length));
  }
  const needed = valuesOf(type, length, data.offset);
  if (needed !== undefined && (values?.length ?? 0) < needed) {
    fail(shortOf(values?.length ?? 0, needed));
  }
  children.forEach((child, index) =>
    verifyColumn(child as Data, `${name}.${type.children[index]?.name ?? index}`)
  );
}

/**
 * Refuses indices that lead out of their dictionary; what stands in place of a null does not count.
 */
function verifyIndices(data: Data, fail: (why: string) => never): void {
  const { length, nullCount, nullBitmap, offset } = data;
  const entries = data.dictionary?.length ?? 0;
  const indices = data.values as unknown as ArrayLike<number | bigint>;
  for (let row = 0; row < length; row++) {
    const index = indices[row]!;
    if (index >= 0 && index < entries) continue;
    const bit = offset + row;
    if (nullCount > 0 && !(nullBitmap![bit >> 3]! >> (bit & 7) & 1)) continue;
    fail(`has the index ${index} at row ${row}, and a dictionary of ${entries} values`);
  }
}

const shortOf = (found: number, needed: number) => `has ${found} of the ${needed} values it needs`;

/** The last offset. */
function verifyOffsets(
  offsets: ArrayLike<number | bigint>,
  length: number,
  fail: (why: string) => never,
): number {
  // An array of no lists may have no offsets at all.
  if (length === 0) return 0;
  if (offsets.length < length + 1) return fail(shortOf(offsets.length - 1, length));
  let before = offsets[0]!;
  if (before < 0) return fail("has a value that starts before the first");
  for (let row = 1; row <= length; row++) {
    const next = offsets[row]!;
    if (next < before) return fail(`has a value that ends before it starts, at row ${row - 1}`);
    before = next;
  }
  return Number(before);
}

/** How long the array of values has to be; undefined for types without one. */
function valuesOf(type: DataType, length: number, offset: number): number | undefined {
  if (DataType.isBool(type)) return Math.ceil((offset + length) / 8);
  if (DataType.isFixedSizeBinary(type)) return length * (type as FixedSizeBinary).byteWidth;
  if (DataType.isDecimal(type)) return length * type.bitWidth / 32;
  const single = DataType.isInt(type) || DataType.isFloat(type) || DataType.isDate(type) ||
    DataType.isTime(type) || DataType.isTimestamp(type) || DataType.isDuration(type);
  if (!single) return undefined;
  // Some values are kept as two words.
  const { stride } = type as unknown as { stride?: number };
  return length * (stride ?? 1);
}
