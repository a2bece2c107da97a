/**
 * A byte scanner that finds the kinds of values in CSV files. It handles only simple notation and
 * leaves everything else to DuckDB. For simple files, which are the most common, it is several
 * times faster than DuckDB.
 *
 * @module
 */

import { isUtf8 } from "node:buffer";
import type { CsvDialect, CsvFile } from "./csv_files.ts";
import { compressionOf } from "./packed_text.ts";
import { type GivenType, kinds } from "./text_types.ts";

/** The values that a scan of a CSV file found in one column. */
export interface ScannedColumn {
  /** The kinds of the column's texts, as bits of {@linkcode kinds}. */
  readonly kinds: number;
  /** The number of values that are not null. */
  readonly values: number;
  /** The number of these values that are quoted null texts or quoted empty texts. */
  readonly blanks: number;
  /** The number of digits of the longest integer. */
  readonly digits: number;
  /**
   * Whether a number has an exponent without a minus sign, or has more than {@linkcode shortNumber}
   * characters, so that it may exceed the range of float32.
   */
  readonly wide: boolean;
}

/** An additional kind within this file: a decimal that may exceed the range of float32. */
const wide = 1 << 20;

/**
 * A decimal with at most this number of characters and no positive exponent is in the range of
 * float32.
 */
const shortNumber = 30;

/**
 * A decimal with at most this number of characters and a two-digit exponent is in the range of
 * float64.
 */
const longestNumber = 150;

/** Integers with at most this number of digits fit in 64 bits. */
const maxDigits = 18;

/** Integers with at most this number of digits are exact in float64. */
const exactDigits = 15;

/** The number of bytes per read, and the maximum size of a row in bytes. */
const partBytes = 2 ** 20, maxRowBytes = 2_000_000;

/** The classes of bytes. A byte of a class from `delimiter` on may end a value. */
const classes = {
  other: 0,
  zero: 1,
  digit: 2,
  minus: 3,
  point: 4,
  exponent: 5,
  plus: 6,
  colon: 7,
  delimiter: 8,
  lineFeed: 9,
  carriageReturn: 10,
  quote: 11,
  /** The byte 0, which also marks the end of the buffer. */
  end: 12,
} as const;

/** The states of a value while its bytes are read. */
const states = {
  start: 0,
  minus: 1,
  zero: 2,
  minusZero: 3,
  whole: 4,
  /** A decimal point without digits so far. */
  point: 5,
  fraction: 6,
  exponent: 7,
  exponentSign: 8,
  exponentDigit: 9,
  exponentDigits: 10,
  /** Digits with a leading zero, as in times. */
  padded: 11,
  /** Digits and the separators of dates and times. */
  moment: 12,
  other: 13,
} as const;

/** The next state, at index 8 * state + class of the next byte. */
const nextStates = makeStates();

function makeStates(): Uint8Array {
  const next = new Uint8Array(14 * 8).fill(states.other);
  const go = (from: number, to: Partial<Record<keyof typeof classes, number>>) => {
    for (const [name, state] of Object.entries(to)) {
      next[from * 8 + classes[name as keyof typeof classes]] = state;
    }
  };
  const { minus, zero, minusZero, whole, point, fraction, exponent, padded, moment } = states;
  const { exponentSign, exponentDigit, exponentDigits } = states;
  go(states.start, { minus, zero, digit: whole, point });
  go(minus, { zero: minusZero, digit: whole, point });
  go(zero, { zero: padded, digit: padded, point: fraction, exponent });
  go(minusZero, { point: fraction, exponent });
  go(whole, {
    zero: whole,
    digit: whole,
    point: fraction,
    exponent,
    minus: moment,
    colon: moment,
  });
  go(point, { zero: fraction, digit: fraction });
  go(fraction, { zero: fraction, digit: fraction, exponent });
  go(exponent, {
    minus: exponentSign,
    plus: exponentSign,
    zero: exponentDigit,
    digit: exponentDigit,
  });
  go(exponentSign, { zero: exponentDigit, digit: exponentDigit });
  go(exponentDigit, { zero: exponentDigits, digit: exponentDigits });
  go(padded, { zero: padded, digit: padded, colon: moment });
  next.fill(moment, moment * 8, moment * 8 + 8);
  return next;
}

/** Returns the class of each byte value; undefined if the scanner does not support the dialect. */
function classesOf(
  delimiter: string,
  { quote, decimal = "." }: CsvDialect,
): Uint8Array | undefined {
  const table = new Uint8Array(256);
  const set = (characters: string, value: number) => {
    for (const character of characters) table[character.charCodeAt(0)] = value;
  };
  set("0", classes.zero);
  set("123456789", classes.digit);
  set("-", classes.minus);
  set(decimal, classes.point);
  set("eE", classes.exponent);
  set("+", classes.plus);
  set(":", classes.colon);
  for (
    const [character, value] of [
      [delimiter, classes.delimiter],
      [quote, classes.quote],
      ["\n", classes.lineFeed],
      ["\r", classes.carriageReturn],
      ["\0", classes.end],
    ] as const
  ) {
    const code = character.charCodeAt(0);
    if (character.length !== 1 || code > 127 || table[code]! >= classes.delimiter) return undefined;
    table[code] = value;
  }
  return table;
}

/**
 * Scans a CSV file to find out which kinds of values each column contains.
 *
 * @param file The file.
 * @param dialect The format of the file.
 * @param names The names of the columns to scan.
 * @returns The result by column name, without the columns that contain anything but simple values.
 *   Undefined if the scanner does not support the file: for example, if it is compressed, has a
 *   wrong number of values in a line, or has quotes within values.
 */
export async function scanCsv(
  file: CsvFile,
  dialect: CsvDialect,
  names: readonly string[],
): Promise<Map<string, ScannedColumn> | undefined> {
  if (compressionOf(file.file) !== "none") return undefined;
  const table = classesOf(file.delimiter, dialect);
  if (!table) return undefined;
  const scanner = new Scanner(file, dialect, names, table);
  using handle = await Deno.open(file.file.path);
  let buffer = new Uint8Array(partBytes + 1), filled = 0;
  for (let first = true, last = false; !last; first = false) {
    const read = await handle.read(buffer.subarray(filled, buffer.length - 1));
    last = read === null;
    filled += read ?? 0;
    let start = 0;
    if (first && buffer[0] === 0xEF && buffer[1] === 0xBB && buffer[2] === 0xBF) start = 3;
    buffer[filled] = 0;
    const end = scanner.feed(buffer, start, filled, last);
    if (end === undefined || !isUtf8(buffer.subarray(start, end))) return undefined;
    buffer.copyWithin(0, end, filled);
    filled -= end;
    if (filled > maxRowBytes) return undefined;
    if (filled > buffer.length / 2) {
      const larger = new Uint8Array(2 * buffer.length);
      larger.set(buffer.subarray(0, filled));
      buffer = larger;
    }
  }
  return scanner.result();
}

class Scanner {
  readonly #classes: Uint8Array;
  readonly #names: readonly string[];
  readonly #quote: number;
  /** The null texts other than the empty text, in UTF-8. */
  readonly #nulls: readonly Uint8Array[];
  readonly #emptyIsNull: boolean;
  /** The kinds of each column's texts. Columns that are not scanned, or no longer, have `other`. */
  readonly #kinds: Int32Array;
  readonly #nullCounts: Float64Array;
  readonly #blankCounts: Float64Array;
  readonly #digits: Uint8Array;
  #rows = 0;
  /** The number of header records that remain to be read. */
  #header: number;
  /** Whether lines end in CR LF; undefined before the first line end. */
  #returns: boolean | undefined;
  /**
   * The columns with a null in the current record. If the record is incomplete, it is read again
   * with the next bytes, and these nulls must not count twice.
   */
  readonly #pendingNulls: number[] = [];
  readonly #pendingBlanks: number[] = [];

  constructor(
    { names }: CsvFile,
    { header, quote, nullValues }: CsvDialect,
    looked: readonly string[],
    table: Uint8Array,
  ) {
    this.#names = names;
    this.#classes = table;
    this.#quote = quote.charCodeAt(0);
    const encoder = new TextEncoder();
    this.#nulls = nullValues.filter((text) => text !== "").map((text) => encoder.encode(text));
    this.#emptyIsNull = nullValues.includes("");
    this.#header = header ? 1 : 0;
    const wanted = new Set(looked);
    this.#kinds = Int32Array.from(names, (name) => wanted.has(name) ? 0 : kinds.other);
    this.#nullCounts = new Float64Array(names.length);
    this.#blankCounts = new Float64Array(names.length);
    this.#digits = new Uint8Array(names.length);
  }

  /**
   * Scans the next bytes.
   *
   * @param bytes The buffer, with a byte 0 after the bytes to scan.
   * @param start The offset of the first byte.
   * @param length The offset after the last byte.
   * @param last Whether these are the last bytes of the file.
   * @returns The offset of the first incomplete record; undefined if the scanner does not support
   *   the file.
   */
  feed(bytes: Uint8Array, start: number, length: number, last: boolean): number | undefined {
    const table = this.#classes, found = this.#kinds, count = this.#names.length;
    const next = nextStates;
    let at = start, record = start, column = 0;
    for (;;) {
      const from = at, header = this.#header > 0, looked = found[column] !== kinds.other && !header;
      let kind = table[bytes[at]!]!;
      if (kind === classes.quote) {
        const end = this.#endOfQuotes(bytes, from, length);
        if (end === undefined) return undefined;
        // The byte after the closing quote may be in the next part.
        if (end >= length && !last) return this.#again(record);
        if (end > length) return undefined;
        if (looked) this.#takeQuoted(bytes, from + 1, end - 1, column);
        at = end;
        kind = table[bytes[at]!]!;
        if (kind < classes.delimiter || kind === classes.quote) return undefined;
      } else if (looked) {
        let state: number = states.start;
        while (kind < classes.delimiter) {
          state = next[state * 8 + kind]!;
          kind = table[bytes[++at]!]!;
        }
        if (!(kind === classes.end && at === length && !last)) {
          this.#take(bytes, from, at, state, column);
        }
      } else {
        while (kind < classes.delimiter) kind = table[bytes[++at]!]!;
      }
      if (kind === classes.delimiter) {
        if (++column === count) return undefined;
        at++;
        continue;
      }
      if (kind === classes.end) {
        if (at < length) return undefined;
        if (!last) return this.#again(record);
        if (at === record) {
          this.#forget();
          return this.#endOfRows(length);
        }
      } else if (kind === classes.quote) {
        return undefined;
      } else {
        const returns = kind === classes.carriageReturn;
        if (returns && at + 1 === length && !last) return this.#again(record);
        if (returns && bytes[at + 1] !== 10 || (this.#returns ??= returns) !== returns) {
          return undefined;
        }
      }
      if (at - record > maxRowBytes) return undefined;
      const blank = at === record;
      at += kind === classes.end ? 0 : kind === classes.carriageReturn ? 2 : 1;
      // A blank line is not a row, except in a file with one column, where it is a null.
      if (blank && (count > 1 || header)) {
        this.#forget();
      } else {
        if (column !== count - 1) return undefined;
        if (header) this.#header--;
        else this.#rows++;
        this.#pendingNulls.length = this.#pendingBlanks.length = 0;
      }
      if (kind === classes.end) return this.#endOfRows(length);
      column = 0;
      record = at;
    }
  }

  result(): Map<string, ScannedColumn> {
    const columns = new Map<string, ScannedColumn>();
    this.#names.forEach((name, index) => {
      const all = this.#kinds[index]!;
      if (all === kinds.other) return;
      columns.set(name, {
        kinds: all & ~wide,
        values: this.#rows - this.#nullCounts[index]!,
        blanks: this.#blankCounts[index]!,
        digits: this.#digits[index]!,
        wide: (all & wide) !== 0,
      });
    });
    return columns;
  }

  /** Discards an incomplete record, which is read again with the next part. */
  #again(record: number): number {
    this.#forget();
    return record;
  }

  #forget(): void {
    for (const column of this.#pendingNulls) this.#nullCounts[column]!--;
    for (const column of this.#pendingBlanks) this.#blankCounts[column]!--;
    this.#pendingNulls.length = this.#pendingBlanks.length = 0;
  }

  #endOfRows(length: number): number | undefined {
    return this.#header > 0 ? undefined : length;
  }

  /**
   * Returns the offset after the closing quote of a value. The offset is greater than `length` if
   * the value is incomplete; undefined if it contains a byte 0.
   */
  #endOfQuotes(bytes: Uint8Array, from: number, length: number): number | undefined {
    const quote = this.#quote;
    for (let at = from + 1; at < length; at++) {
      if (bytes[at] === 0) return undefined;
      if (bytes[at] !== quote) continue;
      if (bytes[at + 1] !== quote) return at + 1;
      at++;
    }
    return length + 1;
  }

  #takeNull(column: number): void {
    this.#nullCounts[column]!++;
    this.#pendingNulls.push(column);
  }

  #takeBlank(column: number): void {
    this.#kinds[column]! |= kinds.blank;
    this.#blankCounts[column]!++;
    this.#pendingBlanks.push(column);
  }

  #isNull(bytes: Uint8Array, from: number, to: number): boolean {
    return this.#nulls.some((text) => {
      if (text.length !== to - from) return false;
      let index = 0;
      while (index < text.length && text[index] === bytes[from + index]) index++;
      return index === text.length;
    });
  }

  #takeQuoted(bytes: Uint8Array, from: number, to: number, column: number): void {
    if (from === to) return this.#takeBlank(column);
    let state: number = states.start;
    for (let at = from; at < to; at++) {
      const kind = this.#classes[bytes[at]!]!;
      state = kind < classes.delimiter ? nextStates[state * 8 + kind]! : states.other;
      if (state === states.other) break;
    }
    const whole = state === states.zero || state === states.whole;
    if (!whole && this.#isNull(bytes, from, to)) this.#takeBlank(column);
    else this.#takeText(bytes, from, to, state, column);
  }

  #take(bytes: Uint8Array, from: number, to: number, state: number, column: number): void {
    if (from === to) {
      if (this.#emptyIsNull) this.#takeNull(column);
      else this.#kinds[column] = kinds.other;
      return;
    }
    if (this.#nulls.length > 0 && this.#isNull(bytes, from, to)) this.#takeNull(column);
    else this.#takeText(bytes, from, to, state, column);
  }

  #takeText(bytes: Uint8Array, from: number, to: number, state: number, column: number): void {
    const length = to - from;
    let kind: number = kinds.other;
    switch (state) {
      case states.zero:
      case states.whole: {
        const negative = bytes[from] === 45, digits = negative ? length - 1 : length;
        if (digits > maxDigits) break;
        if (digits > this.#digits[column]!) this.#digits[column] = digits;
        kind = negative ? kinds.integer | kinds.negative : kinds.integer;
        if (digits > exactDigits && !isFloat64(bytes, to - digits, to)) kind |= kinds.inexact;
        break;
      }
      case states.minusZero:
      case states.fraction:
        if (length > longestNumber) break;
        kind = length > shortNumber ? kinds.decimal | wide : kinds.decimal;
        break;
      case states.exponentDigit:
      case states.exponentDigits:
        if (length > longestNumber) break;
        kind = length > shortNumber || !isBelow1(bytes, to, state)
          ? kinds.decimal | wide
          : kinds.decimal;
        break;
      case states.moment:
        kind = momentKind(bytes, from, to);
        break;
      case states.other:
        if (length === 4 || length === 5) kind = wordKind(bytes, from, to);
    }
    if (kind === kinds.other) this.#kinds[column] = kind;
    else this.#kinds[column]! |= kind;
  }
}

/** Checks whether the exponent of a number, which has one or two digits, is negative. */
const isBelow1 = (bytes: Uint8Array, to: number, state: number) =>
  bytes[to - (state === states.exponentDigit ? 2 : 3)] === minus;

/** Checks whether an integer of 16 to 18 digits can be represented exactly as float64. */
function isFloat64(bytes: Uint8Array, from: number, to: number): boolean {
  // 1e9 is divisible by 2 ** 9, so the first summand is exact, and the remainder of a division by
  // up to 512 depends only on `low`.
  const high = numberAt(bytes, from, to - from - 9), low = numberAt(bytes, to - 9, 9);
  const value = high * 1e9 + low;
  let step = 1;
  while (value >= 2 ** 53 * step) step *= 2;
  return low % step === 0;
}

const words: readonly (readonly [text: Uint8Array, kind: number])[] = ([
  ["true", kinds.lower],
  ["false", kinds.lower],
  ["True", kinds.title],
  ["False", kinds.title],
  ["TRUE", kinds.upper],
  ["FALSE", kinds.upper],
] as const).map(([text, kind]) => [new TextEncoder().encode(text), kind]);

function wordKind(bytes: Uint8Array, from: number, to: number): number {
  for (const [text, kind] of words) {
    if (text.length !== to - from) continue;
    let index = 0;
    while (index < text.length && text[index] === bytes[from + index]) index++;
    if (index === text.length) return kind;
  }
  return kinds.other;
}

/** Returns the number that digits represent; NaN if one of the bytes is not a digit. */
function numberAt(bytes: Uint8Array, from: number, digits: number): number {
  let number = 0;
  for (let at = from; at < from + digits; at++) {
    const digit = bytes[at]! - 48;
    if (digit < 0 || digit > 9) return NaN;
    number = 10 * number + digit;
  }
  return number;
}

const [minus, point, colon, space, letterT, zero] = [45, 46, 58, 32, 84, 48];

/**
 * Returns the kind of a date, time or timestamp without a time zone, for the years 1000 to 9999.
 */
function momentKind(bytes: Uint8Array, from: number, to: number): number {
  if (to - from < 8) return kinds.other;
  if (bytes[from + 2] === colon) return isClock(bytes, from, to, true) ? kinds.time : kinds.other;
  if (to - from < 10 || !isDay(bytes, from)) return kinds.other;
  if (to - from === 10) return kinds.date;
  const between = bytes[from + 10];
  if (between !== space && between !== letterT) return kinds.other;
  return isClock(bytes, from + 11, to, false) ? kinds.timestamp : kinds.other;
}

function isDay(bytes: Uint8Array, from: number): boolean {
  if (bytes[from + 4] !== minus || bytes[from + 7] !== minus) return false;
  const year = numberAt(bytes, from, 4), month = numberAt(bytes, from + 5, 2);
  const day = numberAt(bytes, from + 8, 2);
  if (!(year >= 1000 && month >= 1 && month <= 12 && day >= 1)) return false;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= (month === 2 ? leap ? 29 : 28 : [4, 6, 9, 11].includes(month) ? 30 : 31);
}

/**
 * Checks for a time such as `12:30:00`. A fraction may have up to six digits, followed by any
 * number of zeros. The seconds may be absent unless `seconds` is true.
 */
function isClock(bytes: Uint8Array, from: number, to: number, seconds: boolean): boolean {
  if (to - from < 5 || bytes[from + 2] !== colon) return false;
  if (!(numberAt(bytes, from, 2) <= 23 && numberAt(bytes, from + 3, 2) <= 59)) return false;
  if (to - from === 5) return !seconds;
  if (to - from < 8 || bytes[from + 5] !== colon || !(numberAt(bytes, from + 6, 2) <= 59)) {
    return false;
  }
  if (to - from === 8) return true;
  if (bytes[from + 8] !== point || to - from === 9) return false;
  for (let at = from + 9; at < to; at++) {
    const digit = bytes[at]! - zero;
    if (digit < 0 || digit > 9 || digit > 0 && at >= from + 15) return false;
  }
  return true;
}

/**
 * Checks whether all values of a scanned column are valid for a declared type.
 *
 * @param column The result of the scan.
 * @param type The declared type.
 * @returns False if the scan cannot decide, so that DuckDB must check the values.
 */
export function suitsGiven(column: ScannedColumn, type: GivenType): boolean {
  const { kinds: found, digits } = column;
  const only = (allowed: number) => (found & ~allowed) === 0;
  const integers = kinds.integer | kinds.negative | kinds.inexact;
  const numbers = integers | kinds.decimal;
  const whole = /^(u?)int(\d+)$/.exec(type);
  if (whole) {
    const [, unsigned, bits] = whole;
    const most = { 8: 2, 16: 4, 32: 9, 64: maxDigits }[Number(bits)]!;
    return only(unsigned ? kinds.integer | kinds.inexact : integers) && digits <= most;
  }
  switch (type) {
    case "string":
      return true;
    case "bool":
      return only(kinds.lower | kinds.title | kinds.upper);
    case "float32":
      return only(numbers) && !column.wide;
    case "float64":
      return only(numbers);
    case "date":
      return only(kinds.date);
    case "timestamp":
      return only(kinds.date | kinds.timestamp);
    case "time":
      return only(kinds.time);
    default:
      return false;
  }
}
