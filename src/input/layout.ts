import {
  BinaryView,
  type Data,
  DataType,
  DateUnit,
  type Decimal,
  type Dictionary,
  type Field,
  type FixedSizeBinary,
  type FixedSizeList,
  type Float,
  type Int,
  Precision,
  type Time,
  TimeUnit,
  Uint8,
  Vector,
} from "apache-arrow";
import type { Values } from "../stages/batch.ts";
import type { NumberMemo, TextMemo } from "./memo.ts";

/**
 * The kind of a column's values, regardless of their bit width. It must be the same in all splits.
 */
export type Family = "whole numbers" | "numbers" | "booleans" | "strings" | "times" | "images";

/**
 * How the values of a column are arranged in memory: the lengths of its lists, and the type of the
 * values in them.
 */
export interface Layout {
  /** The lengths of nested lists, from the outermost; undefined if rows may differ in length. */
  readonly lists: readonly (number | undefined)[];
  /** The type of the values in the lists. */
  readonly leaf: DataType;
  /** The family of the values, or of a dictionary's entries. */
  readonly family: Family;
}

/** The column types that Rocket can read, as text for messages. */
export const supportedTypes =
  "whole numbers, floats, booleans, decimals, strings, dates, times, timestamps and durations, dictionaries of these, lists and fixed-size lists of these, binary, and structs of bytes and a path with images";

/**
 * Returns the memory layout of a column type.
 *
 * @param type The type of the column.
 * @returns The layout, or undefined for types that cannot become arrays of numbers.
 */
export function layoutOf(type: DataType): Layout | undefined {
  const lists: (number | undefined)[] = [];
  let leaf = type;
  while (DataType.isFixedSizeList(leaf) || isVariableList(leaf)) {
    lists.push(DataType.isFixedSizeList(leaf) ? (leaf as FixedSizeList).listSize : undefined);
    leaf = leaf.children[0]!.type;
  }
  if (DataType.isFixedSizeBinary(leaf)) lists.push((leaf as FixedSizeBinary).byteWidth);
  if (isImages(leaf)) {
    return lists.length === 0
      ? { lists: [undefined], leaf: new Uint8(), family: "images" }
      : undefined;
  }
  const family = familyOf(leaf);
  return family && { lists, leaf, family };
}

/**
 * Checks whether values may be images: bytes of any length, or a struct of bytes and a path.
 *
 * @param type The type of the column.
 */
export function isImages(type: DataType): boolean {
  if (isBinary(type)) return true;
  if (!DataType.isStruct(type)) return false;
  const typeOf = (name: string) =>
    type.children.find((field: Field) => field.name === name)?.type as DataType | undefined;
  const bytes = typeOf("bytes"), path = typeOf("path");
  const hasOthers = type.children.length > (path ? 2 : 1);
  return bytes !== undefined && isBinary(bytes) && (!path || isString(path)) && !hasOthers;
}

const isBinary = (type: DataType) =>
  DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isBinaryView(type);

const isVariableList = (type: DataType) => DataType.isList(type) || DataType.isLargeList(type);

function familyOf(type: DataType): Family | undefined {
  if (DataType.isDictionary(type)) return familyOf((type as Dictionary).dictionary);
  if (DataType.isInt(type) || DataType.isFixedSizeBinary(type)) return "whole numbers";
  if (DataType.isFloat(type) || DataType.isDecimal(type)) return "numbers";
  if (DataType.isBool(type)) return "booleans";
  if (isString(type)) return "strings";
  const isTime = DataType.isTimestamp(type) || DataType.isDate(type) || DataType.isTime(type) ||
    DataType.isDuration(type);
  return isTime ? "times" : undefined;
}

const isString = (type: DataType) =>
  DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isUtf8View(type);

/**
 * The values of a column in one array. If the column contains lists, the array contains the
 * elements of all lists.
 */
export interface Flat {
  /** The values of all rows. */
  readonly leaf: Data;
  /** The start of each row's values in the leaf, followed by the end of the last row. */
  readonly bounds: Float64Array;
  /**
   * 1 for rows that are null or contain a null list without values; undefined if there are none.
   * The values of null lists of fixed size are nulls of the leaf.
   */
  readonly nullRows: Uint8Array | undefined;
  /** Whether there are no lists: each row is the value at its own index. */
  readonly isPlain: boolean;
}

/**
 * Flattens the lists of a column.
 *
 * @param column The column in one record batch.
 */
export function flatten(column: Data): Flat {
  let data = column;
  let bounds = ascending(column.length + 1);
  let nullRows: Uint8Array | undefined;
  /** 1 for values that are in a null list. */
  let inNull: Uint8Array | undefined;
  while (DataType.isFixedSizeList(data.type) || isVariableList(data.type)) {
    const fixed = DataType.isFixedSizeList(data.type);
    if (fixed && data !== column) inNull = markNulls(data, inNull);
    else nullRows = markNullRows(data, bounds, nullRows);
    if (fixed) {
      const { listSize } = data.type as FixedSizeList, lists = inNull;
      inNull = lists && new Uint8Array(lists.length * listSize);
      lists?.forEach((isNull, list) => {
        if (isNull) inNull!.fill(1, list * listSize, (list + 1) * listSize);
      });
      bounds = bounds.map((bound) => bound * listSize);
    } else {
      nullRows = markRowsOf(inNull, bounds, nullRows);
      inNull = undefined;
      const offsets = data.valueOffsets as unknown as ArrayLike<number | bigint>;
      // An array without lists may have no offsets at all.
      bounds = bounds.map((bound) => Number(offsets[bound] ?? 0));
    }
    data = data.children[0]!;
  }
  if (DataType.isFixedSizeBinary(data.type)) {
    nullRows = markRowsOf(markNulls(data, inNull), bounds, nullRows);
    inNull = undefined;
    const { byteWidth } = data.type as FixedSizeBinary;
    bounds = bounds.map((bound) => bound * byteWidth);
    // Its nulls are rows, which are marked now, and not bytes, which are the values.
    data = data.clone(data.type, data.offset, data.length, 0);
  }
  const isPlain = data === column && !DataType.isFixedSizeBinary(data.type);
  return { leaf: withNulls(data, markNullEntries(data, inNull)), bounds, nullRows, isPlain };
}

/**
 * The numbers from 0, which are the bounds of all columns of single values. They must not be
 * modified.
 */
let usualNumbers = new Float64Array(0);

/** The maximum number of bounds that are kept; record batches usually have fewer rows. */
const maxKept = 2 ** 18 + 1;

function ascending(count: number): Float64Array {
  if (count <= usualNumbers.length) return usualNumbers.subarray(0, count);
  const numbers = new Float64Array(count <= maxKept ? maxKept : count);
  for (let index = 0; index < numbers.length; index++) numbers[index] = index;
  if (count <= maxKept) usualNumbers = numbers;
  return numbers.subarray(0, count);
}

/** Marks the rows of a dictionary column whose entry is null. */
function markNullEntries(data: Data, marked: Uint8Array | undefined): Uint8Array | undefined {
  const { dictionary, length, type } = data;
  if (!DataType.isDictionary(type) || !dictionary?.nullCount) return marked;
  const nulls = dictionary.data.flatMap((part) =>
    Array.from({ length: part.length }, (_, entry) => isNull(part, entry))
  );
  const indices = data.values as unknown as ArrayLike<number | bigint>;
  const all = marked ?? new Uint8Array(length);
  for (let index = 0; index < length; index++) {
    if (nulls[Number(indices[index])]) all[index] = 1;
  }
  return all;
}

/** Returns a column with additional nulls. */
function withNulls(data: Data, more: Uint8Array | undefined): Data {
  if (!more) return data;
  const { length } = data, bits = new Uint8Array((data.offset + length + 7) >> 3);
  let nullCount = 0;
  for (let index = 0; index < length; index++) {
    if (more[index] || isNull(data, index)) nullCount++;
    else bits[data.offset + index >> 3]! |= 1 << (data.offset + index & 7);
  }
  const buffers = [data.valueOffsets, data.values, bits, data.typeIds];
  return data.clone(data.type, data.offset, length, nullCount, buffers as never);
}

/** Marks the values that are null. */
function markNulls(data: Data, marked: Uint8Array | undefined): Uint8Array | undefined {
  if (data.nullCount === 0) return marked;
  const all = marked ?? new Uint8Array(data.length);
  for (let index = 0; index < data.length; index++) if (isNull(data, index)) all[index] = 1;
  return all;
}

/** Marks the rows that contain a marked value. */
function markRowsOf(
  marked: Uint8Array | undefined,
  bounds: Float64Array,
  rows: Uint8Array | undefined,
): Uint8Array | undefined {
  if (!marked) return rows;
  const all = rows ?? new Uint8Array(bounds.length - 1);
  for (let row = 0; row < all.length; row++) {
    if (marked.subarray(bounds[row]!, bounds[row + 1]!).includes(1)) all[row] = 1;
  }
  return all;
}

function markNullRows(
  data: Data,
  bounds: Float64Array,
  nullRows: Uint8Array | undefined,
): Uint8Array | undefined {
  if (data.nullCount === 0) return nullRows;
  const marked = nullRows ?? new Uint8Array(bounds.length - 1);
  for (let row = 0; row < marked.length; row++) {
    for (let item = bounds[row]!; item < bounds[row + 1]!; item++) {
      if (isNull(data, item)) marked[row] = 1;
    }
  }
  return marked;
}

/**
 * Checks whether a value is null.
 *
 * @param data The values.
 * @param index The index of the value, from the start of `data`.
 */
export function isNull(data: Data, index: number): boolean {
  if (data.nullCount === 0) return false;
  const bit = data.offset + index;
  return (data.nullBitmap![bit >> 3]! >> (bit & 7) & 1) === 0;
}

/**
 * Counts the nulls of a column: null values, including those in lists, and rows with a null in
 * place of a list.
 *
 * @param column The column in one record batch.
 */
export function countNulls(column: Data): number {
  if (!mayHaveNulls(column)) return 0;
  const { leaf, bounds, nullRows } = flatten(column);
  let count = nullRows?.reduce((sum, isNull) => sum + isNull, 0) ?? 0;
  if (leaf.nullCount === 0 || DataType.isFixedSizeBinary(leaf.type)) return count;
  for (let index = bounds[0]!; index < bounds.at(-1)!; index++) count += +isNull(leaf, index);
  return count;
}

const mayHaveNulls = ({ nullCount, children, dictionary }: Data): boolean =>
  nullCount > 0 || (dictionary?.nullCount ?? 0) > 0 ||
  children.some((child) => mayHaveNulls(child as Data));

/** The callbacks that convert values of a column to numbers or ids while the column is decoded. */
export interface Decoding {
  /** Returns the id of a string, or rejects the string, which has an index in the leaf. */
  id(text: string, index: number): number;
  /** Returns the id of a value that is not a string. Without this callback, values stay numbers. */
  readonly key?: ((value: number | bigint, index: number) => number) | undefined;
  /** Converts or rejects a whole number that a double cannot represent exactly. */
  big(value: bigint, index: number): number;
  /**
   * Converts or rejects a decimal, or a time in nanoseconds, that a double cannot tell from others of
   * its type. It has the value as text. By default, such a value is rounded.
   */
  inexact?(text: string, index: number): number;
  /** Rejects the value at an index of the leaf. */
  fail(index: number, message: string): never;
  /** If whole numbers from 0 to below this one are their own ids, so that `key` is not called. */
  readonly own?: number | undefined;
  /** The results for earlier values; only if equal values always have equal ids. */
  readonly memory?: DecodingMemory | undefined;
}

/**
 * The ids and values that were decoded from earlier record batches of a column, so that equal
 * values are decoded only once.
 */
export interface DecodingMemory {
  /** The ids of texts. */
  readonly texts: TextMemo;
  /** The ids of whole numbers. */
  readonly numbers: NumberMemo;
  /** The values of a dictionary's entries, as long as record batches have the same dictionary. */
  entries?: KnownEntries | undefined;
}

/** The entries of a dictionary that were decoded. */
interface KnownEntries {
  readonly of: Vector;
  readonly values: Values;
  /** 1 for entries that were decoded. */
  readonly known: Uint8Array;
}

/**
 * Decodes the values of a leaf, the innermost column of nested lists, into numbers: strings become
 * ids; booleans become 0 and 1; dates, times, and timestamps become seconds since 1970 or midnight;
 * decimals and 64-bit integers become doubles. With `key`, all values become ids. The results for
 * nulls are arbitrary. The result is a view of the leaf's buffer if JavaScript has typed arrays of
 * its type, and a copy otherwise.
 *
 * @param leaf The values.
 * @param from The index of the first value.
 * @param to The index after the last value.
 * @param decoding Maps strings to ids and rejects values.
 * @returns The numbers, and whether they are a view.
 */
export function decode(
  leaf: Data,
  from: number,
  to: number,
  decoding: Decoding,
): { values: Values; view: boolean } {
  const { type } = leaf;
  if (DataType.isDictionary(type)) return { values: lookUp(leaf, from, to, decoding), view: false };
  if (isString(type)) return { values: idsOfTexts(leaf, from, to, decoding), view: false };
  const { key, big } = decoding;
  if (isPlain(type) && !key) {
    return { values: leaf.values.subarray(from, to) as Values, view: true };
  }
  if (key) return { values: idsOfNumbers(leaf, from, to, { ...decoding, key }), view: false };
  const values = new (arrayOf(type))(to - from);
  const read = reader(leaf), nulls = leaf.nullCount > 0, textOf = inexactReader(leaf, decoding);
  for (let index = from; index < to; index++) {
    if (nulls && isNull(leaf, index)) continue;
    const text = textOf?.(index);
    if (text !== undefined) {
      values[index - from] = decoding.inexact!(text, index);
      continue;
    }
    const value = read(index);
    values[index - from] = typeof value === "bigint" ? big(value, index) : value;
  }
  return { values, view: false };
}

function idsOfTexts(leaf: Data, from: number, to: number, decoding: Decoding): Int32Array {
  const ids = new Int32Array(to - from), nulls = leaf.nullCount > 0;
  const { id, memory } = decoding, memo = memory?.texts;
  const idOf = (bytes: Uint8Array, start: number, end: number, index: number) => {
    if (memo) {
      const known = memo.get(bytes, start, end);
      if (known >= 0) return known;
      if (memo.other >= 0) return memo.other;
    }
    const found = id(decoder.decode(bytes.subarray(start, end)), index);
    memo?.set(bytes, start, end, found);
    return found;
  };
  if (leaf.valueOffsets instanceof Int32Array) {
    // The usual kind of column, without an object for each text.
    const { values: bytes, valueOffsets: offsets } = leaf as unknown as {
      readonly values: Uint8Array;
      readonly valueOffsets: Int32Array;
    };
    for (let index = from; index < to; index++) {
      if (nulls && isNull(leaf, index)) continue;
      ids[index - from] = idOf(bytes, offsets[index]!, offsets[index + 1]!, index);
    }
    return ids;
  }
  const bytesOf = textReader(leaf);
  for (let index = from; index < to; index++) {
    if (nulls && isNull(leaf, index)) continue;
    const { bytes, start, end } = bytesOf(index);
    ids[index - from] = idOf(bytes, start, end, index);
  }
  return ids;
}

/** A text as the column has it, with a byte order mark if it starts with one. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Returns a function that reads the bytes of a text or of a binary value, as a view.
 *
 * @param leaf The values.
 */
export function valueReader(leaf: Data): (index: number) => Uint8Array {
  const bytesOf = textReader(leaf);
  return (index) => {
    const { bytes, start, end } = bytesOf(index);
    return bytes.subarray(start, end);
  };
}

/** Returns a function that finds the bytes of a text or of a binary value. */
function textReader(
  leaf: Data,
): (index: number) => { readonly bytes: Uint8Array; readonly start: number; readonly end: number } {
  if (DataType.isUtf8View(leaf.type) || DataType.isBinaryView(leaf.type)) {
    const views = new Vector<BinaryView>([leaf.clone(new BinaryView() as never) as never]);
    return (index) => {
      const bytes = views.get(index) ?? new Uint8Array();
      return { bytes, start: 0, end: bytes.length };
    };
  }
  const { values: bytes } = leaf as { values: Uint8Array };
  const offsets = leaf.valueOffsets as unknown as ArrayLike<number | bigint>;
  return (index) => ({ bytes, start: Number(offsets[index]), end: Number(offsets[index + 1]) });
}

function idsOfNumbers(
  leaf: Data,
  from: number,
  to: number,
  decoding: Decoding & Required<Pick<Decoding, "key">>,
): Int32Array {
  const { key, own = 0, memory } = decoding;
  const ids = new Int32Array(to - from), memo = memory?.numbers;
  const nulls = leaf.nullCount > 0;
  // The usual kind of column, whose values are their own ids.
  if (own > 0 && !nulls && DataType.isInt(leaf.type) && leaf.type.bitWidth < 64) {
    ids.set((leaf.values as Values).subarray(from, to));
    if (areBelow(ids, own)) return ids;
  }
  const read = reader(leaf), textOf = inexactReader(leaf, decoding);
  for (let index = from; index < to; index++) {
    if (nulls && isNull(leaf, index)) continue;
    const text = textOf?.(index);
    if (text !== undefined) {
      ids[index - from] = decoding.inexact!(text, index);
      continue;
    }
    const value = read(index);
    if (typeof value === "number" && value >= 0 && value < own && (value | 0) === value) {
      ids[index - from] = value;
      continue;
    }
    if (!memo || typeof value === "bigint") {
      ids[index - from] = key!(value, index);
      continue;
    }
    let id = memo.get(value);
    if (id < 0) memo.set(value, id = key!(value, index));
    ids[index - from] = id;
  }
  return ids;
}

/** Checks whether all numbers are 0 or more, and below a limit. */
function areBelow(numbers: Int32Array, limit: number): boolean {
  for (let index = 0; index < numbers.length; index++) {
    // A negative number becomes one of more than 2^31.
    if ((numbers[index]! >>> 0) >= limit) return false;
  }
  return true;
}

/** Checks whether JavaScript has typed arrays for values of a type. */
function isPlain(type: DataType): boolean {
  if (DataType.isFixedSizeBinary(type)) return true;
  if (DataType.isInt(type)) return (type as Int).bitWidth < 64;
  return DataType.isFloat(type) && (type as Float).precision !== Precision.HALF;
}

/** The constructors of arrays in which decoded values are stored. */
export type ValuesConstructor =
  | Float32ArrayConstructor
  | Float64ArrayConstructor
  | Int8ArrayConstructor
  | Uint8ArrayConstructor
  | Int16ArrayConstructor
  | Uint16ArrayConstructor
  | Int32ArrayConstructor
  | Uint32ArrayConstructor;

/**
 * Returns the constructor of the arrays that {@linkcode decode} creates for the values of an Arrow type.
 *
 * @param type The type of a leaf.
 */
export function arrayOf(type: DataType): ValuesConstructor {
  if (DataType.isDictionary(type)) return arrayOf((type as Dictionary).dictionary);
  if (isPlain(type)) return type.ArrayType as ValuesConstructor;
  if (isString(type)) return Int32Array;
  if (DataType.isBool(type)) return Uint8Array;
  return DataType.isFloat(type) ? Float32Array : Float64Array;
}

/**
 * Returns a function that reads a single value. A whole number is a bigint if a double cannot
 * represent it exactly.
 */
function reader(leaf: Data): (index: number) => number | bigint {
  const { type } = leaf;
  const { values } = leaf as { values: ArrayLike<number | bigint> & ArrayBufferView };
  if (isPlain(type)) return (index) => values[index]!;
  if (DataType.isBool(type)) {
    const bits = values as Uint8Array;
    return (index) => bits[leaf.offset + index >> 3]! >> (leaf.offset + index & 7) & 1;
  }
  if (DataType.isFloat(type)) {
    const halves = new Float16Array(values.buffer, values.byteOffset, values.length);
    return (index) => halves[index]!;
  }
  if (DataType.isInt(type)) {
    // Two halves of 32 bits are numbers, where the whole would be a bigint.
    const { isSigned } = type as Int;
    const halves = new Int32Array(values.buffer, values.byteOffset, values.byteLength / 4);
    return (index) => {
      const high = halves[2 * index + 1]!, low = halves[2 * index]! >>> 0;
      if (high === 0) return low;
      const value = (isSigned ? high : high >>> 0) * 2 ** 32 + low;
      return Number.isSafeInteger(value) ? value : values[index]!;
    };
  }
  if (DataType.isDecimal(type)) return decimalReader(type as Decimal, values as Uint32Array);
  const { factor, divisor } = secondsOf(type);
  return (index) => {
    const value = values[index]!;
    if (typeof value === "number") return value * factor / divisor;
    // A double cannot represent nanoseconds since 1970 exactly.
    const parts = BigInt(divisor);
    return Number(value / parts) * factor + Number(value % parts) / divisor;
  };
}

/** Reads decimals: whole numbers, which are divided by a power of ten, the scale. */
function decimalReader(type: Decimal, words: Uint32Array): (index: number) => number | bigint {
  const { scale } = type, unscaled = unscaledReader(type, words);
  return (index) => {
    const whole = unscaled(index), value = Number(`${whole}e${-scale}`);
    return scale === 0 && !Number.isSafeInteger(value) ? whole : value;
  };
}

/** Reads the whole numbers of decimals: in two's complement, least significant word first. */
function unscaledReader(
  { bitWidth }: Decimal,
  words: Uint32Array,
): (index: number) => bigint {
  const count = bitWidth / 32;
  return (index) => {
    let whole = 0n;
    for (let word = count - 1; word >= 0; word--) {
      whole = whole << 32n | BigInt(words[index * count + word]!);
    }
    return BigInt.asIntN(bitWidth, whole);
  };
}

/**
 * Returns a function that reads a value as text if a double cannot tell it from others of its type;
 * undefined if nobody asks, or if there are no such values.
 */
function inexactReader(
  { type, values }: Data,
  { inexact }: Decoding,
): ((index: number) => string | undefined) | undefined {
  if (!inexact) return undefined;
  if (DataType.isDecimal(type) && type.scale > 0) {
    const { scale } = type, unscaled = unscaledReader(type, values as Uint32Array);
    return (index) => {
      const whole = unscaled(index), digits = String(whole < 0n ? -whole : whole);
      const padded = digits.padStart(scale + 1, "0");
      const text = `${whole < 0n ? "-" : ""}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
      return Number(text).toFixed(scale) === text ? undefined : text;
    };
  }
  const isTime = DataType.isTimestamp(type) || DataType.isTime(type) || DataType.isDuration(type);
  if (!isTime || secondsOf(type).divisor < 1e9) return undefined;
  const nanoseconds = values as unknown as BigInt64Array;
  return (index) => {
    const value = nanoseconds[index]!;
    return Number.isSafeInteger(Number(value)) ? undefined : String(value);
  };
}

/**
 * Checks whether values of a type can become ids: strings, whole numbers of any width, and
 * booleans.
 *
 * @param type The type of a leaf.
 */
export function canBeIds(type: DataType): boolean {
  if (DataType.isDictionary(type)) return canBeIds((type as Dictionary).dictionary);
  const family = familyOf(type);
  return family === "strings" || family === "whole numbers" || family === "booleans" ||
    DataType.isDecimal(type) && type.scale === 0;
}

/**
 * Checks whether values are timestamps. Timestamps are read as seconds since 1970, which float32
 * would round to multiples of about two minutes.
 *
 * @param type The type of a leaf.
 */
export function isTimestamp(type: DataType): boolean {
  return DataType.isDictionary(type)
    ? isTimestamp((type as Dictionary).dictionary)
    : DataType.isTimestamp(type);
}

/** Returns the conversion to seconds: a stored number times the factor, divided by the divisor. */
function secondsOf(type: DataType): { factor: number; divisor: number } {
  if (DataType.isDate(type)) {
    return type.unit === DateUnit.DAY
      ? { factor: 86_400, divisor: 1 }
      : { factor: 1, divisor: 1e3 };
  }
  const divisors = {
    [TimeUnit.SECOND]: 1,
    [TimeUnit.MILLISECOND]: 1e3,
    [TimeUnit.MICROSECOND]: 1e6,
    [TimeUnit.NANOSECOND]: 1e9,
  };
  return { factor: 1, divisor: divisors[(type as Time).unit] };
}

/** Decodes the entries that a dictionary column's indices refer to. */
function lookUp(leaf: Data, from: number, to: number, decoding: Decoding): Values {
  const type = leaf.type as Dictionary;
  const dictionary = leaf.dictionary as Vector;
  const indices = leaf.values as unknown as ArrayLike<number | bigint>;
  const array = decoding.key ? Int32Array : arrayOf(type);
  const values = new array(to - from), nulls = leaf.nullCount > 0;
  // Entries that no row uses are ignored: they must not become part of a vocabulary.
  const entries = knownEntries(dictionary, array, decoding.memory);
  for (let index = from; index < to; index++) {
    if (nulls && isNull(leaf, index)) continue;
    const entry = Number(indices[index]);
    if (entries.known[entry] !== 1) {
      entries.values[entry] = dictionaryValue(dictionary, entry, index, decoding);
      entries.known[entry] = 1;
    }
    values[index - from] = entries.values[entry]!;
  }
  return values;
}

/** Returns the entries of a dictionary that were decoded in earlier record batches. */
function knownEntries(
  dictionary: Vector,
  array: ValuesConstructor,
  memory: DecodingMemory | undefined,
): KnownEntries {
  const before = memory?.entries;
  if (before?.of === dictionary) return before;
  const { length } = dictionary;
  const entries = { of: dictionary, values: new array(length), known: new Uint8Array(length) };
  if (memory) memory.entries = entries;
  return entries;
}

function dictionaryValue(
  dictionary: Vector,
  entry: number,
  index: number,
  decoding: Decoding,
): number {
  const { id, key, big, fail } = decoding;
  let first = 0;
  for (const data of dictionary.data) {
    if (entry < first + data.length) {
      const at = entry - first;
      if (entry < 0) break;
      if (isNull(data, at)) return fail(index, "refers to a null in its dictionary");
      const refuse = (_: number, message: string) => fail(index, message);
      const own = {
        id: (text: string) => id(text, index),
        key: key && ((value: number | bigint) => key(value, index)),
        big: (value: bigint) => big(value, index),
        fail: refuse,
      };
      return decode(data, at, at + 1, own).values[0]!;
    }
    first += data.length;
  }
  return fail(index, `has the dictionary index ${entry}, which does not exist`);
}
