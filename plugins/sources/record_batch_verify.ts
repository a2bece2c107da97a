/**
 * Whether the columns of a record batch are as long as they say. arrow-js makes views of what is
 * there, and reads undefined behind their ends; pyarrow's `validate(full=True)` looks at the same.
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
} from "apache-arrow";
import { nodesOf, ownBuffers, type RecordBatchHeader } from "./row_layout.ts";

/** A column is not what it says; the message says how. */
export class ColumnError extends Error {
  override name = "ColumnError";
}

/** The most digits of decimals, by their bits. */
const mostDigits: Readonly<Record<number, number>> = { 32: 9, 64: 18, 128: 38, 256: 76 };

/** More digits after the point, or zeros before it, than any database has. */
const mostScale = 1000;

/**
 * Refuses a column of a type that there is not. arrow-js tells only where it makes an array, and
 * a text of a decimal has as many digits as its scale says.
 *
 * @param type The column's type.
 * @param name What to call it.
 * @throws {ColumnError} If it is of such a type, or a column in it.
 */
export function verifyType(type: DataType, name: string): void {
  const fail = (what: string): never => {
    throw new ColumnError(`the column ${name} says that it has ${what}`);
  };
  if (DataType.isDictionary(type)) {
    verifyType(type.indices, name);
    verifyType(type.dictionary, name);
    return;
  }
  if (DataType.isInt(type) && ![8, 16, 32, 64].includes(type.bitWidth)) {
    fail(`numbers of ${type.bitWidth} bits`);
  } else if (DataType.isFloat(type) && ![0, 1, 2].includes(type.precision)) {
    fail(`numbers of the unknown precision ${type.precision}`);
  } else if (DataType.isDecimal(type)) {
    const { bitWidth, precision, scale } = type as Decimal, most = mostDigits[bitWidth];
    if (!most) fail(`decimals of ${bitWidth} bits`);
    if (!(precision >= 1 && precision <= most!)) {
      fail(`decimals of ${precision} digits in ${bitWidth} bits`);
    }
    if (!(Math.abs(scale) <= mostScale)) fail(`decimals of the scale ${scale}`);
  } else if (DataType.isTime(type) && type.bitWidth !== (type.unit < 2 ? 32 : 64)) {
    fail(`times of the unit ${type.unit} in ${type.bitWidth} bits`);
  } else if (DataType.isFixedSizeBinary(type) && !((type as FixedSizeBinary).byteWidth >= 0)) {
    fail(`values of ${(type as FixedSizeBinary).byteWidth} bytes`);
  } else if (DataType.isFixedSizeList(type) && !((type as FixedSizeList).listSize >= 0)) {
    fail(`lists of ${(type as FixedSizeList).listSize} values`);
  }
  const children: readonly Field[] = type.children ?? [];
  const lists = DataType.isList(type) || DataType.isLargeList(type) ||
    DataType.isFixedSizeList(type) || DataType.isMap(type);
  if (lists && children.length !== 1) fail(`lists of ${children.length} columns`);
  if (DataType.isMap(type)) {
    const entries = children[0]!.type;
    if (!DataType.isStruct(entries) || entries.children?.length !== 2) {
      fail("maps whose entries are no pairs of a key and a value");
    }
  }
  for (const child of children) verifyType(child.type, `${name}.${child.name}`);
}

/**
 * Refuses buffers that are not within their message's body, whatever reads them later.
 *
 * @param header What the message says of them.
 * @param bodyLength The bytes of the body.
 * @throws {ColumnError} If one leads out of it, or a column says that it has more than there are.
 */
export function verifyBuffers(
  { buffers, variadicBufferCounts }: Pick<RecordBatchHeader, "buffers" | "variadicBufferCounts">,
  bodyLength: number,
): void {
  for (const said of variadicBufferCounts ?? []) {
    const count = Number(said);
    if (count >= 0 && count <= buffers.length) continue;
    throw new ColumnError(
      `a column of views says that it has ${count} buffers of ${buffers.length} in all`,
    );
  }
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
  let node = 0, buffer = 0, views = 0;
  /** Whether what comes behind the column can be found. */
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

/** Whether rows are views of texts or bytes that stand in other buffers. */
const isView = (type: DataType) => DataType.isUtf8View(type) || DataType.isBinaryView(type);

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
 * Refuses a column whose buffers are too short for its rows, whose offsets do not rise, or whose
 * views lead out of their buffers.
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
  if (isView(type)) verifyViews(data, fail);
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

/** The bytes of a view: those of its text, or a number of them and where the rest is. */
const viewWidth = 16;

/** Texts of this many bytes stand in the view itself. */
const maxInline = 12;

/**
 * Refuses views that lead out of their buffers, or to a text that starts otherwise than the view
 * says; what stands in place of a null does not count.
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
    if (size < 0) fail(`has a value of ${size} bytes at row ${row}`);
    const number = views.getInt32(at + 8, true), start = views.getInt32(at + 12, true);
    const buffer = variadicBuffers[number] as Uint8Array | undefined;
    if (!buffer) {
      return fail(
        `has a value at row ${row} in buffer ${number} (from 0) of ${variadicBuffers.length} buffers`,
      );
    }
    if (start < 0 || start + size > buffer.length) {
      fail(
        `has a value of ${size} bytes from byte ${start} on of a buffer of ${buffer.length} bytes ` +
          `at row ${row}`,
      );
    }
    for (let byte = 0; byte < 4; byte++) {
      if (values[at + 4 + byte] === buffer[start + byte]) continue;
      fail(`has a value at row ${row} that starts otherwise than its view says`);
    }
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
  if (isView(type)) return length * viewWidth;
  if (DataType.isDecimal(type)) return length * type.bitWidth / 32;
  const single = DataType.isInt(type) || DataType.isFloat(type) || DataType.isDate(type) ||
    DataType.isTime(type) || DataType.isTimestamp(type) || DataType.isDuration(type);
  if (!single) return undefined;
  // Some values are kept as two words.
  const { stride } = type as unknown as { stride?: number };
  return length * (stride ?? 1);
}
