/**
 * Looks through text files with columns byte by byte, for what their values may be. It knows plain
 * notations alone, and leaves all else to DuckDB: it is several times faster where a file is plain,
 * as most are.
 *
 * @module
 */

import { isUtf8 } from "node:buffer";
import type { CsvDialect, CsvFile } from "./csv_files.ts";
import { type GivenType, kinds } from "./text_types.ts";

/** What was found in a column. */
export interface ScannedColumn {
  /** The kinds of its texts, as {@linkcode kinds} has them. */
  readonly kinds: number;
  /** How many values are no nulls. */
  readonly values: number;
  /** How many of these are nulls in quotes. */
  readonly blanks: number;
  /** How many digits the longest whole number has. */
  readonly digits: number;
  /** Whether a number has an exponent above 0, or more than {@linkcode shortNumber} characters. */
  readonly wide: boolean;
}

/** Set besides others within this file: a decimal that a float32 may not hold. */
const wide = 1 << 20;

/** A decimal of so many characters without an exponent above 0 is within float32. */
const shortNumber = 30;

/** A decimal of so many characters, with an exponent of two digits, is within float64. */
const longestNumber = 150;

/** Whole numbers of so many digits are within 64 bits. */
const maxDigits = 18;

/** Whole numbers of so many digits are float64 as well. */
const exactDigits = 15;

/** How much is read at once, and how long a row may be. */
const partBytes = 2 ** 20, maxRowBytes = 2_000_000;

/** What a byte is. From `delimiter` on, it may end a value. */
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
  /** The byte 0, which also stands behind the last byte that was read. */
  end: 12,
} as const;

/** What a value is so far. */
const states = {
  start: 0,
  minus: 1,
  zero: 2,
  minusZero: 3,
  whole: 4,
  /** A point without digits. */
  point: 5,
  fraction: 6,
  exponent: 7,
  exponentSign: 8,
  exponentDigit: 9,
  exponentDigits: 10,
  /** Digits with a zero in front, as in times. */
  padded: 11,
  /** Digits and what stands between those of dates and times. */
  moment: 12,
  other: 13,
} as const;

/** The next state by state and class of the next byte, eight classes a state. */
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

/** The classes of all bytes; undefined if the dialect is none for which bytes suffice. */
function classesOf(delimiter: string, quote: string): Uint8Array | undefined {
  const table = new Uint8Array(256);
  const set = (characters: string, value: number) => {
    for (const character of characters) table[character.charCodeAt(0)] = value;
  };
  set("0", classes.zero);
  set("123456789", classes.digit);
  set("-", classes.minus);
  set(".", classes.point);
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
 * Looks through a file.
 *
 * @param file The file.
 * @param dialect How it is written.
 * @param names The columns that are looked at.
 * @returns What was found, without columns that have something else in them than plain values.
 *   Undefined if the file is not plain as a whole: packed, with another number of values in a line,
 *   with quotes within values, …
 */
export async function scanCsv(
  file: CsvFile,
  dialect: CsvDialect,
  names: readonly string[],
): Promise<Map<string, ScannedColumn> | undefined> {
  if (/\.(gz|zst)$/i.test(file.file.path)) return undefined;
  const table = classesOf(file.delimiter, dialect.quote);
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
  /** Texts other than nothing at all that stand for nulls. */
  readonly #nulls: readonly Uint8Array[];
  readonly #emptyIsNull: boolean;
  /** The kinds of each column's texts; `other` in columns that are not looked at, or no more. */
  readonly #kinds: Int32Array;
  readonly #nullCounts: Float64Array;
  readonly #blankCounts: Float64Array;
  readonly #digits: Uint8Array;
  #rows = 0;
  /** How many records come before the rows. */
  #header: number;
  /** Whether lines end in two bytes, once that is known. */
  #returns: boolean | undefined;
  /**
   * The columns that are null in the record that is read, which is read again if it goes on in the
   * next part.
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
   * Goes on.
   *
   * @param bytes The next bytes, with a byte 0 behind them.
   * @param start Where they start.
   * @param length Where they end.
   * @param last Whether nothing comes after them.
   * @returns Where the first record starts that is not whole; undefined if the file is not plain.
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
        // What comes after the quotes may be in the next part.
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
      // A blank line is no row, but where it is the null of the only column.
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

  /** The record goes on in the next part, with which it is read again. */
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
   * Where a value in quotes ends, behind them; beyond the bytes if it goes on, undefined if it has
   * a byte 0.
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

/** Whether a number with an exponent of one or two digits has one below 0. */
const isBelow1 = (bytes: Uint8Array, to: number, state: number) =>
  bytes[to - (state === states.exponentDigit ? 2 : 3)] === minus;

/** Whether a float64 is equal to a whole number of 16 to 18 digits. */
function isFloat64(bytes: Uint8Array, from: number, to: number): boolean {
  // A thousand million has nine factors of 2: the first summand is exact, and so is the rest of a
  // division by up to 512.
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

/** The number that digits are; NaN if one of them is none. */
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

/** Dates, times and timestamps without a time zone, of the years 1000 to 9999. */
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
 * `12:30:00`, with up to six digits behind a point and zeros behind these; seconds may be absent.
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
 * Whether all values of a column that was looked through are of a type that was given.
 *
 * @param column What was found.
 * @param type The type.
 * @returns False if that has to be looked at closely.
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
