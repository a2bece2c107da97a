import {
  type Data,
  DataType,
  DateUnit,
  type Decimal,
  type Dictionary,
  type FixedSizeBinary,
  type FixedSizeList,
  type Float,
  type Int,
  Precision,
  type Time,
  TimeUnit,
  Vector,
} from "apache-arrow";
import type { Values } from "../stages/batch.ts";

/** What a value is, whatever its width: splits of one run must agree on it. */
export type Family = "whole numbers" | "numbers" | "booleans" | "strings" | "times";

/** How the values of a column lie in memory. */
export interface Layout {
  /** The lengths of the lists around a value, from the outside; undefined where rows may differ. */
  readonly lists: readonly (number | undefined)[];
  /** The type of the values in the lists. */
  readonly leaf: DataType;
  /** What the values are, once a dictionary is looked up. */
  readonly family: Family;
}

/** The types that columns may have, in words. */
export const supportedTypes =
  "whole numbers, floats, booleans, decimals, strings, dates, times, timestamps and durations, dictionaries of these, lists and fixed-size lists of these, and fixed-size binary";

/**
 * How a column of a type lies in memory.
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
  const family = familyOf(leaf);
  return family && { lists, leaf, family };
}

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

/** The values of a column with the lists around them taken away. */
export interface Flat {
  /** The values of all rows. */
  readonly leaf: Data;
  /** Where each row's values start in the leaf, and where the last one's end. */
  readonly bounds: Float64Array;
  /**
   * 1 for rows that are null, or have a null in them in whose place no values are; absent where
   * there are none. The values of null lists of one size are nulls of the leaf.
   */
  readonly nullRows: Uint8Array | undefined;
}

/**
 * Follows a column's lists down to its values.
 *
 * @param column The column in one record batch.
 */
export function flatten(column: Data): Flat {
  let data = column;
  let bounds = ascending(column.length + 1);
  let nullRows: Uint8Array | undefined;
  /** 1 for values of the lists so far that are in a null list. */
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
      // An array of no lists may have no offsets at all.
      bounds = bounds.map((bound) => Number(offsets[bound] ?? 0));
    }
    data = data.children[0]!;
  }
  if (DataType.isFixedSizeBinary(data.type)) {
    nullRows = markRowsOf(markNulls(data, inNull), bounds, nullRows);
    inNull = undefined;
    const { byteWidth } = data.type as FixedSizeBinary;
    bounds = bounds.map((bound) => bound * byteWidth);
  }
  return { leaf: withNulls(data, markNullEntries(data, inNull)), bounds, nullRows };
}

/**
 * The numbers from 0 on, of which columns of single values need no others: not to be written to.
 */
let usualNumbers = new Float64Array(0);

/** Up to this many numbers are kept: record batches have fewer rows as a rule. */
const maxKept = 2 ** 18 + 1;

function ascending(count: number): Float64Array {
  if (count <= usualNumbers.length) return usualNumbers.subarray(0, count);
  const numbers = new Float64Array(count <= maxKept ? maxKept : count);
  for (let index = 0; index < numbers.length; index++) numbers[index] = index;
  if (count <= maxKept) usualNumbers = numbers;
  return numbers.subarray(0, count);
}

/** Marks the rows of a dictionary whose entry is null. */
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

/** A column in which some more values are null. */
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

/** Marks the rows that have a marked value. */
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
 * Whether a value is null.
 *
 * @param data The values.
 * @param index Which, from the start of `data`.
 */
export function isNull(data: Data, index: number): boolean {
  if (data.nullCount === 0) return false;
  const bit = data.offset + index;
  return (data.nullBitmap![bit >> 3]! >> (bit & 7) & 1) === 0;
}

/** What values are decoded with. */
export interface Decoding {
  /** The id of a string; it may refuse the string, by its index in the leaf. */
  id(text: string, index: number): number;
  /** The id of a value that is no string, where values become ids; they stay numbers without it. */
  readonly key?: ((value: number | bigint, index: number) => number) | undefined;
  /** What becomes of a whole number that a double cannot hold exactly. */
  big(value: bigint, index: number): number;
  /** Refuses a value, by its index in the leaf. */
  fail(index: number, message: string): never;
}

/**
 * The values of a leaf as numbers: views of its buffer where these are numbers that JavaScript has,
 * else copies. Strings become ids, booleans 0 and 1, dates, times and timestamps seconds (since
 * 1970 or midnight), decimals and whole numbers of 64 bits doubles; with `key` all become ids. What
 * stands in place of a null is undefined.
 *
 * @param leaf The values.
 * @param from The first.
 * @param to The one after the last.
 * @param decoding How strings become ids and how values are refused.
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
  if (isString(type)) {
    const texts = new Vector([leaf]);
    const values = new Int32Array(to - from);
    for (let index = from; index < to; index++) {
      if (!isNull(leaf, index)) values[index - from] = idOf(texts.get(index), index, decoding);
    }
    return { values, view: false };
  }
  const { key, big } = decoding;
  if (isPlain(type) && !key) {
    return { values: leaf.values.subarray(from, to) as Values, view: true };
  }
  const values = new (key ? Int32Array : arrayOf(type))(to - from);
  const read = reader(leaf);
  for (let index = from; index < to; index++) {
    if (isNull(leaf, index)) continue;
    const value = read(index);
    values[index - from] = key
      ? key(value, index)
      : typeof value === "bigint"
      ? big(value, index)
      : value;
  }
  return { values, view: false };
}

/** Whether values lie in a buffer as JavaScript's own arrays have them. */
function isPlain(type: DataType): boolean {
  if (DataType.isFixedSizeBinary(type)) return true;
  if (DataType.isInt(type)) return (type as Int).bitWidth < 64;
  return DataType.isFloat(type) && (type as Float).precision !== Precision.HALF;
}

/** The arrays that decoded values are kept in. */
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
 * The array that {@linkcode decode} gives for values of a type.
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

/** Reads one value at a time. A whole number is a bigint where a double cannot hold it exactly. */
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
    return (index) => {
      const value = Number(values[index]);
      return Number.isSafeInteger(value) ? value : values[index]!;
    };
  }
  if (DataType.isDecimal(type)) return decimalReader(type as Decimal, values as Uint32Array);
  const { factor, divisor } = secondsOf(type);
  return (index) => {
    const value = values[index]!;
    if (typeof value === "number") return value * factor / divisor;
    // Nanoseconds since 1970 are more than a double holds.
    const parts = BigInt(divisor);
    return Number(value / parts) * factor + Number(value % parts) / divisor;
  };
}

/** Decimals are whole numbers in two's complement, least significant word first, and a scale. */
function decimalReader(
  { scale, bitWidth }: Decimal,
  words: Uint32Array,
): (index: number) => number | bigint {
  const count = bitWidth / 32;
  return (index) => {
    let whole = 0n;
    for (let word = count - 1; word >= 0; word--) {
      whole = whole << 32n | BigInt(words[index * count + word]!);
    }
    const signed = BigInt.asIntN(bitWidth, whole);
    const value = Number(`${signed}e${-scale}`);
    return scale === 0 && !Number.isSafeInteger(value) ? signed : value;
  };
}

/**
 * Whether values become ids: strings, whole numbers of any width, and booleans.
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
 * Whether values are points in time, in seconds since 1970, of which float32 has one in two
 * minutes.
 *
 * @param type The type of a leaf.
 */
export function isTimestamp(type: DataType): boolean {
  return DataType.isDictionary(type)
    ? isTimestamp((type as Dictionary).dictionary)
    : DataType.isTimestamp(type);
}

/** Seconds are a stored number times the factor over the divisor. */
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

/** The values that a dictionary's indices stand for. */
function lookUp(leaf: Data, from: number, to: number, decoding: Decoding): Values {
  const type = leaf.type as Dictionary;
  const dictionary = leaf.dictionary as Vector;
  const indices = leaf.values as unknown as ArrayLike<number | bigint>;
  const values = new (decoding.key ? Int32Array : arrayOf(type))(to - from);
  // Entries that no row has are not looked at: they would become part of a vocabulary.
  const known = new Map<number, number>();
  for (let index = from; index < to; index++) {
    if (isNull(leaf, index)) continue;
    const entry = Number(indices[index]);
    let value = known.get(entry);
    if (value === undefined) {
      value = isString(type.dictionary)
        ? idOf(dictionary.get(entry), index, decoding)
        : dictionaryValue(dictionary, entry, index, decoding);
      known.set(entry, value);
    }
    values[index - from] = value;
  }
  return values;
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
      if (isNull(data, at)) return fail(index, "has a null in its dictionary");
      const refuse = (_: number, message: string) => fail(index, message);
      const own = {
        id,
        key: key && ((value: number | bigint) => key(value, index)),
        big: (value: bigint) => big(value, index),
        fail: refuse,
      };
      return decode(data, at, at + 1, own).values[0]!;
    }
    first += data.length;
  }
  return fail(index, `has the index ${entry}, which its dictionary has not`);
}

function idOf(text: unknown, index: number, { id, fail }: Decoding): number {
  if (typeof text !== "string") return fail(index, "has a null in its dictionary");
  return id(text, index);
}
