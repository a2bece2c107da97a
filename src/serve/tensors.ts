/**
 * Tensors of requests as columns of Arrow.
 *
 * @module
 */

import { Buffer, isUtf8 } from "node:buffer";
import {
  Binary,
  Bool,
  type Data,
  type DataType,
  Field,
  List,
  makeData,
  TimestampMicrosecond,
  Utf8,
} from "apache-arrow";
import { type Numbers, type NumberType, numberTypes } from "./datatypes.ts";
import { refuse } from "./http_error.ts";
import type { InputColumn } from "./input_columns.ts";

/** An input tensor in a request for predictions. */
export interface RequestTensor {
  /** The datatype. */
  readonly datatype: string;
  /** The shape: the number of rows comes first. */
  readonly shape: readonly number[];
  /** The elements: an array from JSON, or bytes of the binary data extension. */
  readonly data: readonly unknown[] | Uint8Array;
}

/** A column that was created from a tensor of a request. */
export interface TensorColumn {
  /** The name and type. */
  readonly field: Field;
  /** The values. */
  readonly data: Data;
}

/**
 * Converts a tensor to a column.
 *
 * @param column The input that the tensor is for.
 * @param tensor The tensor. Its shape has at least one dimension.
 * @throws {HttpError} If the tensor does not fit the column.
 */
export function columnOfTensor(column: InputColumn, tensor: RequestTensor): TensorColumn {
  const { name, accepted } = column, { datatype } = tensor;
  if (!accepted.includes(datatype)) {
    const [usual, ...more] = accepted;
    const also = more.length > 0 ? ` (${more.join(", ")} are possible as well)` : "";
    refuse(`the input ${name} has the datatype ${datatype}; expected ${usual}${also}`);
  }
  if (column.family === "images" && datatype === "BYTES") return imagesOfTensor(column, tensor);
  const rows = tensor.shape[0]!, size = sizeOf(tensor.shape), perRow = perRowOf(column, tensor);
  const rowOf = (index: number) => Math.floor(index / Math.max(1, perRow));
  const isList = column.shape.length > 0;
  const marker = tensor.data instanceof Uint8Array ? column.empty : undefined;
  const elements = tensor.data instanceof Uint8Array
    ? binaryElements(column, tensor.data, { datatype, size, rowOf })
    : jsonElements(column, elementsOf(tensor.data, tensor.shape, name), { datatype, rowOf });
  if (column.family === "times") refuseFarTimes(column, elements, rowOf);
  if (!isList) {
    const data = leafOf(column, elements, datatype);
    return { field: new Field(name, data.type, true), data };
  }
  const { kept, lengths } = column.empty === undefined
    ? { kept: elements, lengths: undefined }
    : withoutEmpty(name, elements, [rows, perRow], marker);
  const leaf = leafOf(column, kept, datatype);
  const type = new List(new Field("item", leaf.type, true));
  const valueOffsets = new Int32Array(rows + 1);
  for (let row = 0; row < rows; row++) {
    valueOffsets[row + 1] = valueOffsets[row]! + (lengths ? lengths[row]! : perRow);
  }
  const data = makeData({ type, length: rows, nullCount: 0, valueOffsets, child: leaf });
  return { field: new Field(name, type, true), data };
}

/** Converts a tensor of PNG or JPEG files to a column: one file for each row. */
function imagesOfTensor(column: InputColumn, { shape, data }: RequestTensor): TensorColumn {
  const { name } = column, rows = shape[0]!;
  perRowOf({ ...column, shape: [] }, { shape });
  const type = new Binary();
  const columnOf = (bytes: Uint8Array, valueOffsets: Int32Array, nulls: Nulls): TensorColumn => {
    const nullCount = nulls ? nulls.reduce((sum, isNull) => sum + isNull, 0) : 0;
    const nullBitmap = nulls && bitsOf(nulls, 0);
    return {
      field: new Field(name, type, true),
      data: makeData({ type, length: rows, nullCount, nullBitmap, valueOffsets, data: bytes }),
    };
  };
  if (data instanceof Uint8Array) {
    const { bytes, offsets } = withLengths(name, data, rows, { rowOf: (row) => row });
    return columnOf(bytes, offsets, undefined);
  }
  let nulls: Nulls;
  const files = elementsOf(data, shape, name).map((value, row) => {
    if (typeof value === "string" && isBase64(value)) return Buffer.from(value, "base64");
    if (value === null) (nulls ??= new Uint8Array(rows))[row] = 1;
    else {
      refuse(
        `the input ${name} has ${described(value)} in row ${row}; ` +
          "expected the base64 text of a PNG or JPEG file",
      );
    }
    return Buffer.alloc(0);
  });
  const offsets = new Int32Array(rows + 1);
  files.forEach(({ length }, row) => offsets[row + 1] = offsets[row]! + length);
  return columnOf(new Uint8Array(Buffer.concat(files)), offsets, nulls);
}

const isBase64 = (text: string) => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);

/** Returns the number of elements of a shape. */
export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);

/** Checks the shape of a tensor and returns the number of elements of a row. */
function perRowOf({ name, shape }: InputColumn, tensor: Pick<RequestTensor, "shape">): number {
  const [, ...own] = tensor.shape, size = sizeOf(own);
  // A column of single values may have a dimension of its own, as Triton's batches have.
  const fits = shape.length === 0
    ? size === 1
    : shape[0] === -1
    ? own.length === 1
    : size === sizeOf(shape) && own.length > 0;
  if (fits) return size;
  const shown = ["rows", ...shape.map((size) => size < 0 ? "any length" : size)].join(", ");
  return refuse(
    `the input ${name} has the shape [${tensor.shape.join(", ")}]; expected [${shown}]`,
  );
}

/** Elements of a tensor with the positions of nulls. */
type Elements =
  | { readonly kind: "numbers"; readonly values: Numbers; readonly nulls: Nulls }
  | { readonly kind: "booleans"; readonly values: Uint8Array; readonly nulls: Nulls }
  | {
    readonly kind: "texts";
    readonly offsets: Int32Array;
    readonly bytes: Uint8Array;
    readonly nulls: Nulls;
  };

/** 1 at the positions of nulls; undefined if there are none. */
type Nulls = Uint8Array | undefined;

/** What is known of the elements. */
interface ElementFacts {
  readonly datatype: string;
  /** Returns the row of an element. */
  readonly rowOf: (index: number) => number;
}

/** Describes a value from JSON in a few words. */
function described(value: unknown): string {
  if (typeof value === "string") {
    const start = value.length > 40 ? `${value.slice(0, 40)}…` : value;
    return `the text ${JSON.stringify(start)}`;
  }
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** Flattens the nested arrays of a tensor, which may also be flat already. */
function elementsOf(
  data: readonly unknown[],
  shape: readonly number[],
  name: string,
): readonly unknown[] {
  const size = sizeOf(shape);
  if (shape.length === 1 || !data.some(Array.isArray)) {
    if (data.length === size) return data;
    return refuse(
      `the input ${name} has ${data.length} values; its shape [${shape.join(", ")}] has ${size}`,
    );
  }
  let level: readonly unknown[] = data;
  if (level.length !== shape[0]) refuseLength(name, shape, 0, level.length);
  for (let depth = 1; depth < shape.length; depth++) {
    const next: unknown[] = [];
    for (const part of level) {
      if (!Array.isArray(part) || part.length !== shape[depth]) {
        refuseLength(name, shape, depth, Array.isArray(part) ? part.length : undefined);
      }
      for (const element of part) next.push(element);
    }
    level = next;
  }
  return level;
}

function refuseLength(
  name: string,
  shape: readonly number[],
  depth: number,
  length: number | undefined,
): never {
  const found = length === undefined ? "a single value" : `a list of ${length}`;
  refuse(
    `the input ${name} has ${found} at depth ${depth} of \`data\`; ` +
      `its shape [${shape.join(", ")}] has ${shape[depth]} there`,
  );
}

function jsonElements(
  column: InputColumn,
  elements: readonly unknown[],
  { datatype, rowOf }: ElementFacts,
): Elements {
  const { name } = column, { length } = elements;
  let nulls: Uint8Array | undefined;
  const mark = (index: number) => (nulls ??= new Uint8Array(length))[index] = 1;
  const fail = (index: number, expected: string): never =>
    refuse(
      `the input ${name} has ${described(elements[index])} in row ${rowOf(index)}; ` +
        `expected ${expected}`,
    );
  if (datatype === "BOOL") {
    const values = new Uint8Array(length);
    for (let index = 0; index < length; index++) {
      const value = elements[index];
      if (typeof value === "boolean") values[index] = Number(value);
      else if (value === null) mark(index);
      else fail(index, "true or false");
    }
    return { kind: "booleans", values, nulls };
  }
  if (datatype === "BYTES") {
    const texts = elements.map((value, index) => {
      if (typeof value === "string" && value.isWellFormed()) return value;
      if (value !== null) return fail(index, "a text of valid Unicode");
      mark(index);
      return "";
    });
    return { ...encodeTexts(texts), nulls };
  }
  const type = numberTypes.get(datatype)!;
  const values = new type.array(length);
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    for (let index = 0; index < length; index++) {
      const value = elements[index];
      if (value === null) mark(index);
      else values[index] = largeNumber(value, type, values) ?? fail(index, wholeNumber(type));
    }
    return { kind: "numbers", values, nulls };
  }
  const [least, most] = type.range;
  for (let index = 0; index < length; index++) {
    const value = elements[index];
    if (value === null) mark(index);
    else if (typeof value !== "number") fail(index, type.whole ? "a whole number" : "a number");
    else if (type.whole && !(Number.isInteger(value) && value >= least && value <= most)) {
      fail(index, wholeNumber(type));
    } else values[index] = value;
  }
  return { kind: "numbers", values, nulls };
}

const wholeNumber = ({ range: [least, most] }: NumberType) =>
  Number.isSafeInteger(most)
    ? `a whole number from ${least} to ${most}`
    : "a whole number; beyond ±9007199254740991, write it as a text, since JSON numbers are doubles";

/** Reads a whole number of 64 bits; those that a double cannot represent are texts. */
function largeNumber(
  value: unknown,
  { range: [least] }: NumberType,
  into: BigInt64Array | BigUint64Array,
): bigint | undefined {
  const isText = typeof value === "string" && /^-?\d{1,20}$/.test(value);
  if (!isText && !Number.isSafeInteger(value)) return undefined;
  const number = BigInt(value as string | number);
  if (least === 0 && number < 0n) return undefined;
  const fits = into instanceof BigInt64Array
    ? BigInt.asIntN(64, number) === number
    : BigInt.asUintN(64, number) === number;
  return fits ? number : undefined;
}

const encoder = new TextEncoder();

function encodeTexts(texts: readonly string[]) {
  const offsets = new Int32Array(texts.length + 1);
  const units = texts.reduce((sum, { length }) => sum + length, 0);
  const bytes = encoder.encode(texts.join(""));
  // If all bytes together are as many as the UTF-16 units, each text consists of ASCII alone.
  const isAscii = bytes.length === units;
  texts.forEach((text, index) => {
    offsets[index + 1] = offsets[index]! + (isAscii ? text.length : encoder.encode(text).length);
  });
  return { kind: "texts" as const, offsets, bytes };
}

function binaryElements(
  { name }: InputColumn,
  bytes: Uint8Array,
  { datatype, size, rowOf }: ElementFacts & { readonly size: number },
): Elements {
  const expect = (length: number) => {
    if (bytes.length === length) return;
    refuse(
      `the input ${name} has ${bytes.length} bytes; ${size} values of ${datatype} have ${length}`,
    );
  };
  if (datatype === "BYTES") return binaryTexts(name, bytes, size, rowOf);
  if (datatype === "BOOL") {
    expect(size);
    const wrong = bytes.findIndex((byte) => byte > 1);
    if (wrong < 0) return { kind: "booleans", values: bytes, nulls: undefined };
    refuse(
      `the input ${name} has the byte ${bytes[wrong]} in row ${rowOf(wrong)}; expected 0 or 1`,
    );
  }
  const { array, whole } = numberTypes.get(datatype)!;
  expect(size * array.BYTES_PER_ELEMENT);
  // The bytes of a request may begin anywhere, but typed arrays may not.
  const values = new array(bytes.slice().buffer);
  if (whole) return { kind: "numbers", values, nulls: undefined };
  let nulls: Uint8Array | undefined;
  for (let index = 0; index < size; index++) {
    if (values[index] !== values[index]) (nulls ??= new Uint8Array(size))[index] = 1;
  }
  return { kind: "numbers", values, nulls };
}

/** Reads texts, each of which begins with its number of bytes. */
function binaryTexts(
  name: string,
  bytes: Uint8Array,
  size: number,
  rowOf: (index: number) => number,
): Elements {
  const check = (text: Uint8Array, index: number) => {
    if (isUtf8(text)) return;
    refuse(`the input ${name} has a text in row ${rowOf(index)} that is not UTF-8`);
  };
  const texts = withLengths(name, bytes, size, { rowOf, check });
  return { kind: "texts", ...texts, nulls: undefined };
}

/** Reads values, each of which begins with its number of bytes. */
function withLengths(
  name: string,
  bytes: Uint8Array,
  size: number,
  { rowOf, check }: {
    readonly rowOf: (index: number) => number;
    readonly check?: (value: Uint8Array, index: number) => void;
  },
): { readonly offsets: Int32Array; readonly bytes: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const offsets = new Int32Array(size + 1), texts = new Uint8Array(bytes.length);
  let from = 0, end = 0;
  for (let index = 0; index < size; index++) {
    const length = from + 4 <= bytes.length ? view.getUint32(from, true) : Infinity;
    from += 4;
    if (from + length > bytes.length) {
      refuse(
        `the input ${name} has ${bytes.length} bytes, which end within the value of row ${
          rowOf(index)
        }`,
      );
    }
    const text = bytes.subarray(from, from + length);
    check?.(text, index);
    texts.set(text, end);
    from += length;
    offsets[index + 1] = end += length;
  }
  if (from !== bytes.length) {
    refuse(`the input ${name} has ${bytes.length} bytes; its ${size} values end after ${from}`);
  }
  return { offsets, bytes: texts.subarray(0, end) };
}

/** Removes the empty positions at the ends of lists. */
function withoutEmpty(
  name: string,
  elements: Elements,
  [rows, perRow]: readonly [rows: number, perRow: number],
  marker: string | bigint | undefined,
): { kept: Elements; lengths: Int32Array | undefined } {
  const isEmpty = emptyTest(elements, marker);
  const lengths = new Int32Array(rows);
  const kept: number[] = [];
  let isWhole = true;
  for (let row = 0; row < rows; row++) {
    const start = row * perRow;
    let length = perRow;
    while (length > 0 && isEmpty(start + length - 1)) length--;
    for (let index = start; index < start + length; index++) {
      if (isEmpty(index)) {
        refuse(`the input ${name} has an empty position before the end of the list in row ${row}`);
      }
      kept.push(index);
    }
    lengths[row] = length;
    isWhole &&= length === perRow;
  }
  return isWhole
    ? { kept: elements, lengths: undefined }
    : { kept: gathered(elements, kept), lengths };
}

/**
 * Returns a test for empty positions: nulls in JSON, and the value that stands for them in binary
 * data, which have no nulls.
 */
function emptyTest(
  elements: Elements,
  empty: string | bigint | undefined,
): (index: number) => boolean {
  const { nulls } = elements;
  if (empty === undefined) return (index) => nulls?.[index] === 1;
  if (elements.kind === "texts") {
    const { offsets, bytes } = elements, marker = encoder.encode(String(empty));
    return (index) => {
      if (nulls?.[index]) return true;
      const start = offsets[index]!, length = offsets[index + 1]! - start;
      return length === marker.length &&
        marker.every((byte, place) => bytes[start + place] === byte);
    };
  }
  const { values } = elements;
  // The value may be a bigint or a number. These are equal, though not identical.
  const value = values instanceof BigInt64Array || values instanceof BigUint64Array
    ? BigInt(empty)
    : Number(empty);
  return (index) => nulls?.[index] === 1 || values[index] === value;
}

function gathered(elements: Elements, kept: readonly number[]): Elements {
  const nulls = elements.nulls && Uint8Array.from(kept, (index) => elements.nulls![index]!);
  if (elements.kind !== "texts") {
    const { values } = elements;
    const some = new (values.constructor as NumberType["array"])(kept.length);
    kept.forEach((index, place) => some[place] = values[index]!);
    return { ...elements, values: some, nulls } as Elements;
  }
  const offsets = new Int32Array(kept.length + 1);
  const bytes = new Uint8Array(elements.bytes.length);
  let end = 0;
  kept.forEach((index, place) => {
    const text = elements.bytes.subarray(elements.offsets[index]!, elements.offsets[index + 1]!);
    bytes.set(text, end);
    offsets[place + 1] = end += text.length;
  });
  return { kind: "texts", offsets, bytes: bytes.subarray(0, end), nulls };
}

/** The most seconds from 1970 that a date of JavaScript can have. */
const MOST_SECONDS = 8.64e12;

function refuseFarTimes(
  { name }: InputColumn,
  elements: Elements,
  rowOf: (index: number) => number,
): void {
  if (elements.kind !== "numbers") return;
  const { values, nulls } = elements;
  for (let index = 0; index < values.length; index++) {
    if (nulls?.[index] || Math.abs(Number(values[index])) <= MOST_SECONDS) continue;
    refuse(
      `the input ${name} has ${values[index]} in row ${rowOf(index)}; ` +
        `expected seconds since 1970, up to ±${MOST_SECONDS}`,
    );
  }
}

/** Converts elements to values of Arrow. */
function leafOf({ family }: InputColumn, elements: Elements, datatype: string): Data {
  const { nulls } = elements;
  const nullCount = nulls ? nulls.reduce((sum, isNull) => sum + isNull, 0) : 0;
  const length = elements.kind === "texts" ? elements.offsets.length - 1 : elements.values.length;
  const nullBitmap = nulls && bitsOf(nulls, 0);
  const of = (type: DataType, data: unknown): Data =>
    makeData({ type, length, nullCount, nullBitmap, data } as never);
  if (elements.kind === "texts") {
    const { offsets: valueOffsets, bytes: data } = elements;
    return makeData({ type: new Utf8(), length, nullCount, nullBitmap, valueOffsets, data });
  }
  if (elements.kind === "booleans") return of(new Bool(), bitsOf(elements.values, 1));
  if (family !== "times") return of(numberTypes.get(datatype)!.arrow(), elements.values);
  const microseconds = BigInt64Array.from(
    elements.values as ArrayLike<number>,
    (value) =>
      typeof value === "bigint"
        ? value * 1_000_000n
        : BigInt(Number.isNaN(value) ? 0 : Math.round(value * 1e6)),
  );
  return of(new TimestampMicrosecond(), microseconds);
}

/** Packs marks into bits, as Arrow has them. */
function bitsOf(marks: Uint8Array, value: 0 | 1): Uint8Array {
  const bits = new Uint8Array(Math.ceil(marks.length / 64) * 8);
  for (let index = 0; index < marks.length; index++) {
    if (marks[index] === value) bits[index >> 3]! |= 1 << (index & 7);
  }
  return bits;
}
