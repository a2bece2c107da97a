/**
 * Formats single values of columns as text.
 *
 * @module
 */

import {
  type Data,
  DataType,
  DateUnit,
  type Decimal,
  type Dictionary,
  Precision,
  TimeUnit,
  Type,
} from "apache-arrow";
import { cellReader } from "./arrow_cells.ts";

/**
 * Returns a function that formats the values of a column as text, without loss: the text contains
 * all digits of decimals and all fractions of seconds. Dates, times, and durations are formatted as
 * ISO 8601. A timestamp ends in `Z` only if its type has a time zone.
 *
 * The values are read from the buffers, because the values that apache-arrow returns have no
 * decimal point and no fraction of a millisecond.
 *
 * @param data The values. Lists, structs, and bytes have no text.
 * @returns The function, which returns null for a null.
 */
export function cellTexts(data: Data): (row: number) => string | null {
  const text = textsOf(data);
  return (row) => data.type.typeId !== Type.Null && data.getValid(row) ? text(row) : null;
}

function textsOf(data: Data): (row: number) => string {
  const { type } = data;
  if (DataType.isDictionary(type)) return dictionaryTexts(data as Data<Dictionary>);
  if (DataType.isDecimal(type)) return decimalTexts(data as Data<Decimal>);
  const whole = (row: number) => BigInt((data.values as ArrayLike<number | bigint>)[row]!);
  if (DataType.isTimestamp(type)) {
    const parts = partsOf(type.unit), zone = type.timezone ? "Z" : "";
    return (row) => {
      const [seconds, rest] = divided(whole(row), parts.perSecond);
      const [days, ofDay] = divided(seconds, 86_400n);
      return `${dateText(days)}T${clockText(ofDay)}${fraction(rest, parts.digits)}${zone}`;
    };
  }
  if (DataType.isDate(type)) {
    // Date32 counts days, and Date64 milliseconds.
    const perDay = type.unit === DateUnit.MILLISECOND ? 86_400_000n : 1n;
    return (row) => dateText(divided(whole(row), perDay)[0]);
  }
  if (DataType.isTime(type)) {
    const parts = partsOf(type.unit);
    return (row) => {
      const [seconds, rest] = divided(whole(row), parts.perSecond);
      return clockText(seconds) + fraction(rest, parts.digits);
    };
  }
  if (DataType.isDuration(type)) {
    const parts = partsOf(type.unit);
    return (row) => {
      const value = whole(row), isNegative = value < 0n;
      const [seconds, rest] = divided(isNegative ? -value : value, parts.perSecond);
      return `${isNegative ? "-" : ""}PT${seconds}${fraction(rest, parts.digits)}S`;
    };
  }
  const read = cellReader(data);
  if (DataType.isFloat(type) && type.precision === Precision.SINGLE) {
    return (row) => shortest(read(row) as number);
  }
  return (row) => String(read(row));
}

function dictionaryTexts(data: Data<Dictionary>): (row: number) => string {
  const parts = data.dictionary!.data.map((part) => ({
    length: part.length,
    text: cellTexts(part as Data),
  }));
  return (row) => {
    let at = Number(data.values[row]!);
    for (const { length, text } of parts) {
      if (at < length) return text(at) ?? "";
      at -= length;
    }
    return "";
  };
}

/** Formats decimals: integers in two's complement, least significant word first, and a scale. */
function decimalTexts(
  { type: { scale, bitWidth }, values }: Data<Decimal>,
): (row: number) => string {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const count = bitWidth / 32;
  return (row) => {
    let whole = 0n;
    for (let word = count - 1; word >= 0; word--) {
      whole = whole << 32n | BigInt(words[row * count + word]!);
    }
    const signed = BigInt.asIntN(bitWidth, whole), sign = signed < 0n ? "-" : "";
    const magnitude = signed < 0n ? -signed : signed;
    if (scale <= 0) return `${sign}${magnitude * 10n ** BigInt(-scale)}`;
    const digits = String(magnitude).padStart(scale + 1, "0");
    return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  };
}

/** Returns how many units a second has, and the digits of their number. */
function partsOf(unit: TimeUnit): { readonly perSecond: bigint; readonly digits: number } {
  const digits = {
    [TimeUnit.SECOND]: 0,
    [TimeUnit.MILLISECOND]: 3,
    [TimeUnit.MICROSECOND]: 6,
    [TimeUnit.NANOSECOND]: 9,
  }[unit];
  return { perSecond: 10n ** BigInt(digits), digits };
}

/** Divides with a remainder that is not negative. */
function divided(value: bigint, by: bigint): [quotient: bigint, rest: bigint] {
  const rest = (value % by + by) % by;
  return [(value - rest) / by, rest];
}

/** Formats a fraction of a second with 0, 3, 6, or 9 digits, as few as represent it exactly. */
function fraction(rest: bigint, digits: number): string {
  if (rest === 0n) return "";
  return `.${String(rest).padStart(digits, "0")}`.replace(/(?:000)+$/, "");
}

function clockText(seconds: bigint): string {
  const of = (value: bigint) => String(value).padStart(2, "0");
  return `${of(seconds / 3600n)}:${of(seconds / 60n % 60n)}:${of(seconds % 60n)}`;
}

/** The days of 400 years, after which the calendar repeats. */
const CYCLE_DAYS = 146_097n;

/** Formats a date of any year, also of those that a Date cannot represent. */
function dateText(days: bigint): string {
  const [cycles, rest] = divided(days, CYCLE_DAYS);
  const date = new Date(Number(rest) * 86_400_000);
  const year = date.getUTCFullYear() + 400 * Number(cycles);
  const digits = String(Math.abs(year)).padStart(4, "0");
  return `${year < 0 ? "-" : ""}${digits}${date.toISOString().slice(4, 10)}`;
}

/** Returns the shortest decimal text that is parsed as the same float32. */
function shortest(value: number): string {
  for (let digits = 6; digits < 10; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return String(text);
  }
  return String(value);
}
