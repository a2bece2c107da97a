/**
 * Converts columns to the inputs of an ONNX model.
 *
 * @module
 */

import { type Data, DataType } from "apache-arrow";
import { lastAtMost } from "../input/bounds.ts";
import { DistinctValues } from "../input/distinct_values.ts";
import { arrayOf, decode, type Family, flatten, isNull, layoutOf } from "../input/layout.ts";

/** The types of inputs that columns can fill. */
export const inputTypes = ["float32", "float64", "int32", "int64", "bool", "string"] as const;

/** The type of an input. */
export type InputType = typeof inputTypes[number];

/** The values of an input, as ONNX Runtime takes them. */
export type InputValues =
  | Float32Array
  | Float64Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | string[];

const numbers: readonly Family[] = ["numbers", "whole numbers", "booleans"];

/**
 * Checks whether a column can fill an input.
 *
 * @param column The type of the column.
 * @param type The type of the input.
 */
export function fits(column: DataType, type: InputType): boolean {
  const family = layoutOf(column)?.family;
  if (family === undefined) return false;
  if (type === "string") return family === "strings";
  // Decimals are read as floating point numbers, which are rounded.
  const isExact = type === "int32" || type === "int64" || type === "bool";
  return numbers.includes(family) && !(isExact && isDecimal(column));
}

function isDecimal(type: DataType): boolean {
  if (DataType.isDecimal(type)) return true;
  if (DataType.isDictionary(type)) return isDecimal(type.dictionary);
  return (type.children ?? []).some(({ type }) => isDecimal(type));
}

/** How the values of an input are made, and what to do with rows that have none. */
export interface InputRows {
  /** The type of the input. */
  readonly type: InputType;
  /** The number of values in a row. */
  readonly size: number;
  /** Receives 1 for each row with a null or NaN, whose values are 0 or empty. */
  readonly missing: Uint8Array;
  /** Throws an error about a row. */
  readonly fail: (row: number, what: string) => never;
}

/**
 * Returns the values of an input for the rows of a column. No value is changed silently: numbers
 * that the input's type cannot represent are refused, except that floating point numbers and decimals
 * are rounded.
 *
 * @param column The column, whose type fits the input.
 * @param rows How the values are made.
 */
export function inputValues(column: Data, { type, size, missing, fail }: InputRows): InputValues {
  const { leaf, bounds, nullRows } = flatten(column), start = bounds[0]!;
  const isWhole = layoutOf(column.type)?.family === "whole numbers";
  const end = bounds[missing.length]!;
  const cells = cellsOf(leaf, [start, end], { type, isWhole }, (index, message) => {
    return fail(lastAtMost(bounds, index), message);
  });
  for (let row = 0; row < missing.length; row++) {
    const from = bounds[row]!, to = bounds[row + 1]!;
    let isMissing = nullRows?.[row] === 1;
    for (let at = from; at < to && !isMissing; at++) {
      isMissing = isNull(leaf, at) || Number.isNaN(cells(at - start));
    }
    if (isMissing) missing[row] = 1;
    else if (to - from !== size) fail(row, `has ${to - from} values; expected ${size}`);
  }
  // Before memory is taken for values that no row has.
  if (missing.length * size > Math.max(MOST_MISSING, end - start)) {
    fail(missing.indexOf(1), `has no values; expected ${size}`);
  }
  const values = emptyValues(type, missing.length * size);
  const range = ranges[type], { expected } = range;
  const is = isWhole
    ? (value: number | bigint) => range.is(value) && isKept(value, type)
    : range.is;
  for (let row = 0; row < missing.length; row++) {
    const from = bounds[row]!;
    if (missing[row]) continue;
    for (let at = 0; at < size; at++) {
      const cell = cells(from - start + at);
      if (!is(cell as number)) fail(row, `has ${shownCell(cell)}; expected ${expected}`);
      values[row * size + at] = type === "int64"
        ? BigInt(cell)
        : type === "string"
        ? cell
        : Number(cell);
    }
  }
  return values;
}

const shownCell = (cell: string | number | bigint) =>
  typeof cell === "string" ? JSON.stringify(cell.slice(0, 100)) : cell;

/** The largest number of values that rows without values may take. */
const MOST_MISSING = 2 ** 24;

/** Checks whether a whole number is the same one as a value of an input, which may be rounded. */
function isKept(value: number | bigint, type: InputType): boolean {
  if (type !== "float32" && type !== "float64") return true;
  const number = Number(value), rounded = type === "float32" ? Math.fround(number) : number;
  return typeof value === "bigint" ? BigInt(rounded) === value : rounded === value;
}

const emptyValues = (type: InputType, length: number): Record<number, unknown> & InputValues => {
  switch (type) {
    case "string":
      return Array<string>(length).fill("");
    case "float32":
      return new Float32Array(length);
    case "float64":
      return new Float64Array(length);
    case "int32":
      return new Int32Array(length);
    case "int64":
      return new BigInt64Array(length);
    case "bool":
      return new Uint8Array(length);
  }
};

/** Returns a function that returns a value by its position among those of a column. */
function cellsOf(
  leaf: Data,
  [from, to]: readonly [from: number, to: number],
  { type, isWhole }: { readonly type: InputType; readonly isWhole: boolean },
  fail: (index: number, message: string) => never,
): (at: number) => string | number | bigint {
  const distinct = new DistinctValues<string | number | bigint>();
  const idOf = (value: string | number | bigint) => distinct.idOf(value);
  // Texts, and whole numbers of 64 bits, are values that an array of numbers cannot hold.
  const isExact = type === "int64" || isWhole && arrayOf(leaf.type) === Float64Array;
  const isIndirect = type === "string" || isExact;
  const decoding = { id: idOf, big: Number, fail, ...(isExact && { key: idOf }) };
  const { values } = decode(leaf, from, to, decoding);
  return isIndirect ? (at) => distinct.valueOf(values[at]!) : (at) => values[at]!;
}

/** The numbers that an input can represent. */
interface Range {
  /** Checks a value, which is a bigint in a column of 64-bit integers. */
  readonly is: (value: number | bigint) => boolean;
  readonly expected: string;
}

const whole = (bits: 32 | 64): Range => ({
  is: (value) =>
    (typeof value === "bigint" || Number.isInteger(value)) && value >= -(2 ** (bits - 1)) &&
    value < 2 ** (bits - 1),
  expected: `a whole number of ${bits} bits`,
});

const any = { is: () => true, expected: "a number that float64 can represent" };

const ranges: Readonly<Record<InputType, Range>> = {
  float32: {
    is: (value) => Number.isFinite(Math.fround(Number(value))) || !Number.isFinite(Number(value)),
    expected: "a number that float32 can represent",
  },
  float64: any,
  int32: whole(32),
  int64: whole(64),
  bool: { is: (value) => value === 0 || value === 1, expected: "0 or 1" },
  // ONNX Runtime in JavaScript cuts off a text there.
  string: {
    is: (value) => !String(value).includes("\0"),
    expected: "a text without the character U+0000",
  },
};
