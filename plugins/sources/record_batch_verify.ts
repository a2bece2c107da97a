/**
 * Verifies that the columns of a record batch are consistent with their stated lengths. arrow-js
 * creates views without checks, and reads `undefined` beyond their ends. The checks correspond to
 * pyarrow's `validate(full=True)`.
 *
 * @module
 */

import {
  type Data,
  DataType,
  type Decimal,
  type Field,
  type FixedSizeBinary,
  type FixedSizeList,
  type Union,
} from "apache-arrow";
import { nodesOf, ownBuffers, type RecordBatchHeader } from "./row_layout.ts";

/** Error that reports a damaged column. The message names the column and the problem. */
export class ColumnError extends Error {
  override name = "ColumnError";
}

/** Maximum number of digits of a decimal, by its number of bits. */
const mostDigits: Readonly<Record<number, number>> = { 32: 9, 64: 18, 128: 38, 256: 76 };

/** Maximum absolute value of a decimal's scale. No database supports a larger scale. */
const mostScale = 1000;

/**
 * Verifies that the type of a column is valid, including the types of its child columns. arrow-js
 * reports an invalid type only when it creates an array. The scale of decimals has a limit because
 * their text form has as many digits as the scale.
 *
 * @param type Type of the column.
 * @param name Name of the column, for messages.
 * @throws {ColumnError} If the type is invalid.
 * @throws {Error} If the type is valid, but cannot be read.
 */
export function verifyType(type: DataType, name: string): void {
  const fail = (what: string): never => {
    throw new ColumnError(`the column ${name} declares ${what}`);
  };
  if (DataType.isDictionary(type)) {
    verifyType(type.indices, name);
    verifyType(type.dictionary, name);
    return;
  }
  if (DataType.isInt(type) && Number(type.bitWidth) === 128) {
    // Polars writes such numbers, of which no other library knows.
    throw new Error(`the column ${name} has numbers of 128 bits`);
  }
  if (DataType.isInt(type) && ![8, 16, 32, 64].includes(type.bitWidth)) {
    fail(`numbers of ${type.bitWidth} bits`);
  } else if (DataType.isFloat(type) && ![0, 1, 2].includes(type.precision)) {
    fail(`floating-point numbers of the unknown precision ${type.precision}`);
  } else if (DataType.isDecimal(type)) {
    const { bitWidth, precision, scale } = type as Decimal, most = mostDigits[bitWidth];
    if (!most) fail(`decimals of ${bitWidth} bits`);
    if (!(precision >= 1 && precision <= most!)) {
      fail(`decimals with ${precision} digits in ${bitWidth} bits`);
    }
    if (!(Math.abs(scale) <= mostScale)) fail(`decimals with the scale ${scale}`);
  } else if (DataType.isTime(type) && type.bitWidth !== (type.unit < 2 ? 32 : 64)) {
    fail(`times with the unit ${type.unit} in ${type.bitWidth} bits`);
  } else if (DataType.isFixedSizeBinary(type) && !((type as FixedSizeBinary).byteWidth >= 0)) {
    fail(`values of ${(type as FixedSizeBinary).byteWidth} bytes`);
  } else if (DataType.isFixedSizeList(type) && !((type as FixedSizeList).listSize >= 0)) {
    fail(`lists of ${(type as FixedSizeList).listSize} values`);
  }
  const children: readonly Field[] = type.children ?? [];
  const lists = DataType.isList(type) || DataType.isLargeList(type) ||
    DataType.isFixedSizeList(type) || DataType.isMap(type);
  if (lists && children.length !== 1) {
    fail(`lists with ${children.length} child columns instead of 1`);
  }
  if (DataType.isMap(type)) {
    const entries = children[0]!.type;
    if (!DataType.isStruct(entries) || entries.children?.length !== 2) {
      fail("maps whose entries are not pairs of a key and a value");
    }
  }
  for (const child of children) verifyType(child.type, `${name}.${child.name}`);
}

/**
 * Verifies that the buffers of a record batch lie within the bytes that contain its values.
 *
 * @param header Header of the message.
 * @param bodyLength Size of the body in bytes.
 * @throws {ColumnError} If a buffer exceeds the body, or a column claims more buffers than the
 *   message has.
 */
export function verifyBuffers(
  { buffers, variadicBufferCounts }: Pick<RecordBatchHeader, "buffers" | "variadicBufferCounts">,
  bodyLength: number,
): void {
  for (const said of variadicBufferCounts ?? []) {
    const count = Number(said);
    if (count >= 0 && count <= buffers.length) continue;
    throw new ColumnError(
      `a column of views declares ${count} buffers, but the record batch has ${buffers.length}`,
    );
  }
  for (const buffer of buffers) {
    const offset = Number(buffer.offset), length = Number(buffer.length);
    if (offset >= 0 && length >= 0 && offset + length <= bodyLength) continue;
    throw new ColumnError(
      `a buffer of ${length} bytes starts at byte ${offset}, but the body has ${bodyLength} bytes`,
    );
  }
}

/**
 * Verifies that all columns have as many rows as their record batch. arrow-js would fill shorter
 * columns with nulls, even if billions of rows are missing.
 *
 * @param fields Columns of the record batch.
 * @param header Header of the message.
 * @throws {ColumnError} If a column is missing or has a different number of rows.
 */
export function verifyRows(fields: readonly Field[], { length, nodes }: RecordBatchHeader): void {
  let node = 0;
  for (const { name, type } of fields) {
    const own = nodes[node];
    node += nodesOf(type);
    if (Number(own?.length) === length) continue;
    throw new ColumnError(
      own
        ? `the column ${name} declares ${own.length} rows, but the record batch has ${length}`
        : `the column ${name} is missing`,
    );
  }
}

/**
 * Verifies that the declared null counts match the validity bitmaps. arrow-js ignores the bitmap of
 * a column whose null count is 0, so that it would return arbitrary values for nulls.
 *
 * @param fields Columns of the record batch.
 * @param header Header of the message.
 * @param body Uncompressed body of the message.
 * @throws {ColumnError} If a null count does not match the bitmap.
 */
export function verifyNulls(
  fields: readonly Field[],
  header: RecordBatchHeader,
  body: Uint8Array,
): void {
  let node = 0, buffer = 0, views = 0;
  /** Returns whether the position of the next column is known. */
  const verify = ({ type, name }: Field, within: string): boolean => {
    const said = header.nodes[node++];
    const buffers = isView(type)
      ? 2 + Number(header.variadicBufferCounts?.[views++] ?? 0)
      : ownBuffers(type);
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
          `the column ${within}${name} declares ${nullCount} nulls in ${length} rows, but its bitmap ` +
            `marks ${nulls}`,
        );
      }
    }
    return DataType.isDictionary(type) ||
      (type.children ?? []).every((child: Field) => verify(child, `${within}${name}.`));
  };
  for (const field of fields) if (!verify(field, "")) return;
}

/** Checks whether a type is Utf8View or BinaryView, whose values are in separate buffers. */
const isView = (type: DataType) => DataType.isUtf8View(type) || DataType.isBinaryView(type);

/** Counts the set bits among the first `length` bits. */
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
 * Verifies the buffers of a column and its child columns: their lengths, offsets, dictionary
 * indices, views, and null count.
 *
 * @param data The column.
 * @param name Name of the column, for messages.
 * @throws {ColumnError} If a buffer is too short for the rows, offsets decrease, an index or a view
 *   points outside its dictionary or buffer, or the null count is wrong.
 */
export function verifyColumn(data: Data, name: string): void {
  const { type, length, nullCount, nullBitmap } = data;
  const fail = (why: string): never => {
    throw new ColumnError(`the column ${name} ${why}`);
  };
  if (!Number.isSafeInteger(length) || length < 0) fail(`declares ${length} rows`);
  if (DataType.isNull(type)) return;
  if (nullCount > 0) {
    if (nullCount > length) fail(`declares ${nullCount} nulls in ${length} rows`);
    if ((nullBitmap?.length ?? 0) * 8 < data.offset + length) {
      fail("has a null bitmap that is too short");
    }
    const nulls = length - bitsOf(nullBitmap!, length);
    if (data.offset === 0 && nulls !== nullCount) {
      fail(`declares ${nullCount} nulls in ${length} rows, but its bitmap marks ${nulls}`);
    }
  }
  const { values, valueOffsets: offsets, children } = data;
  if (DataType.isDictionary(type)) {
    if (values.length < length) fail(shortOf(values.length, length));
    verifyIndices(data, fail);
    return;
  }
  if (DataType.isUnion(type)) verifyUnion(data, fail);
  else if (offsets) {
    const last = verifyOffsets(offsets as unknown as ArrayLike<number | bigint>, length, fail);
    const room = children[0]?.length ?? values?.length ?? 0;
    if (last > room) {
      fail(`has a value that ends at ${last}, beyond the end of its data at ${room}`);
    }
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
  if (isView(type)) verifyViews(data, fail);
  children.forEach((child, index) =>
    verifyColumn(child as Data, `${name}.${type.children[index]?.name ?? index}`)
  );
}

/** Verifies that each row of a union has a value in the child of its type. */
function verifyUnion(data: Data, fail: (why: string) => never): void {
  const { length, typeIds, valueOffsets, children } = data;
  const { typeIdToChildIndex } = data.type as Union;
  if ((typeIds?.length ?? 0) < length) fail(shortOf(typeIds?.length ?? 0, length));
  if (valueOffsets && valueOffsets.length < length) fail(shortOf(valueOffsets.length, length));
  for (let row = 0; row < length; row++) {
    const child = children[typeIdToChildIndex[typeIds[row]!] ?? -1];
    // A sparse union has a value of each type in each row, and no offsets.
    const at = Number(valueOffsets?.[row] ?? row);
    if (!child) fail(`has the type ${typeIds[row]} in row ${row}, which the column does not have`);
    else if (at < 0 || at >= child.length) {
      fail(`has a value at ${at} in row ${row}, beyond the end of its data at ${child.length}`);
    }
  }
}

/** Verifies that all indices of non-null rows are within the dictionary. */
function verifyIndices(data: Data, fail: (why: string) => never): void {
  const { length, nullCount, nullBitmap, offset } = data;
  const entries = data.dictionary?.length ?? 0;
  const indices = data.values as unknown as ArrayLike<number | bigint>;
  for (let row = 0; row < length; row++) {
    const index = indices[row]!;
    if (index >= 0 && index < entries) continue;
    const bit = offset + row;
    if (nullCount > 0 && !(nullBitmap![bit >> 3]! >> (bit & 7) & 1)) continue;
    fail(`has the index ${index} in row ${row}, but its dictionary has ${entries} values`);
  }
}

/**
 * Size of a view in bytes. A view has either the text itself, or its length, first four bytes, and
 * position.
 */
const viewWidth = 16;

/** Maximum length, in bytes, of a text that is stored in the view itself. */
const maxInline = 12;

/**
 * Verifies that the views of non-null rows point into their buffers, and that the text there starts
 * with the four bytes in the view.
 */
function verifyViews(data: Data, fail: (why: string) => never): void {
  const { length, nullCount, nullBitmap, offset, variadicBuffers } = data;
  const values = data.values as unknown as Uint8Array;
  const views = new DataView(values.buffer, values.byteOffset, values.byteLength);
  for (let row = 0; row < length; row++) {
    const at = row * viewWidth, size = views.getInt32(at, true);
    if (size >= 0 && size <= maxInline) continue;
    const bit = offset + row;
    if (nullCount > 0 && !(nullBitmap![bit >> 3]! >> (bit & 7) & 1)) continue;
    if (size < 0) fail(`has a value of ${size} bytes in row ${row}`);
    const number = views.getInt32(at + 8, true), start = views.getInt32(at + 12, true);
    const buffer = variadicBuffers[number] as Uint8Array | undefined;
    if (!buffer) {
      return fail(
        `has a value in row ${row} that refers to buffer ${number} (from 0) of ${variadicBuffers.length}`,
      );
    }
    if (start < 0 || start + size > buffer.length) {
      fail(
        `has a value of ${size} bytes in row ${row} that starts at byte ${start} of a buffer of ` +
          `${buffer.length} bytes`,
      );
    }
    for (let byte = 0; byte < 4; byte++) {
      if (values[at + 4 + byte] === buffer[start + byte]) continue;
      fail(`has a value in row ${row} whose first bytes differ from those in its view`);
    }
  }
}

const shortOf = (found: number, needed: number) => `has ${found} of the ${needed} values it needs`;

/** Verifies that offsets do not decrease. Returns the last offset. */
function verifyOffsets(
  offsets: ArrayLike<number | bigint>,
  length: number,
  fail: (why: string) => never,
): number {
  // The offsets buffer of an empty array can be empty.
  if (length === 0) return 0;
  if (offsets.length < length + 1) return fail(shortOf(offsets.length - 1, length));
  let before = offsets[0]!;
  if (before < 0) return fail("has a negative offset");
  for (let row = 1; row <= length; row++) {
    const next = offsets[row]!;
    if (next < before) return fail(`has a value that ends before it starts, in row ${row - 1}`);
    before = next;
  }
  return Number(before);
}

/** Returns the required length of the values array; undefined for types without one. */
function valuesOf(type: DataType, length: number, offset: number): number | undefined {
  if (DataType.isBool(type)) return Math.ceil((offset + length) / 8);
  if (DataType.isFixedSizeBinary(type)) return length * (type as FixedSizeBinary).byteWidth;
  if (isView(type)) return length * viewWidth;
  if (DataType.isDecimal(type)) return length * type.bitWidth / 32;
  const single = DataType.isInt(type) || DataType.isFloat(type) || DataType.isDate(type) ||
    DataType.isTime(type) || DataType.isTimestamp(type) || DataType.isDuration(type);
  if (!single) return undefined;
  // arrow-js stores some values as two array elements.
  const { stride } = type as unknown as { stride?: number };
  return length * (stride ?? 1);
}
