/**
 * Finds the types that represent the texts of a column exactly. DuckDB's own casts round, truncate,
 * and trim. Therefore a text is checked first, and cast only if the cast keeps its value.
 *
 * @module
 */

import { literal } from "./duckdb.ts";

/** Types that an option can declare for a text column, with their DuckDB names. */
export const columnTypes = {
  bool: "BOOLEAN",
  int8: "TINYINT",
  int16: "SMALLINT",
  int32: "INTEGER",
  int64: "BIGINT",
  uint8: "UTINYINT",
  uint16: "USMALLINT",
  uint32: "UINTEGER",
  uint64: "UBIGINT",
  float32: "FLOAT",
  float64: "DOUBLE",
  string: "VARCHAR",
  date: "DATE",
  time: "TIME",
  timestamp: "TIMESTAMP",
} as const;

/** A type that an option can declare for a column. */
export type GivenType = keyof typeof columnTypes;

/** Types that can be inferred for a column of a CSV file. `utc` is a timestamp with a time zone. */
export type FoundType =
  | "null"
  | "bool"
  | "int64"
  | "uint64"
  | "float64"
  | "date"
  | "time"
  | "timestamp"
  | "utc"
  | "string";

/**
 * The DuckDB type for each type that a column of a CSV file can have. A column that contains only
 * nulls is read as text.
 */
export const duckdbTypes: Readonly<Record<GivenType | FoundType, string>> = {
  ...columnTypes,
  null: "VARCHAR",
  utc: "TIMESTAMPTZ",
};

/**
 * The kinds of values that texts in a CSV file can represent, such as integers and dates, one bit
 * each. The kinds of all texts in a column, over all files, are combined with OR.
 */
export const kinds = {
  /** Integer within the range of int64, without leading zero or plus sign. */
  integer: 1,
  /** Integer from 2^63 to 2^64 - 1, without leading zero or plus sign. */
  large: 1 << 1,
  /** Integer outside the ranges of int64 and uint64, without leading zero or plus sign. */
  enormous: 1 << 2,
  /** Set in addition to one of the kinds above: the integer is negative. */
  negative: 1 << 3,
  /**
   * Set in addition to one of the kinds above: the integer cannot be represented exactly as
   * float64.
   */
  inexact: 1 << 4,
  /** Number with a decimal point or an exponent, or -0. */
  decimal: 1 << 5,
  /** Number with a decimal point or an exponent, beyond the range of float64. */
  overflow: 1 << 6,
  /** Number with a plus sign or a leading zero, which can also be a code. */
  loose: 1 << 7,
  /** `true` and `false`; the next two are the spellings `True` and `TRUE`. */
  lower: 1 << 8,
  title: 1 << 9,
  upper: 1 << 10,
  date: 1 << 11,
  timestamp: 1 << 12,
  /** Timestamp with a time zone. */
  zoned: 1 << 13,
  time: 1 << 14,
  /** A null value in quotes or with spaces around it. It is null unless the column is text. */
  blank: 1 << 15,
  /** Set in addition to other kinds: the text has spaces around it. */
  spaced: 1 << 16,
  /** Any other text. */
  text: 1 << 17,
  /** A text that is not classified yet. */
  other: 1 << 18,
} as const;

/** The kinds of texts that represent numbers without a plus sign or leading zero. */
export const numberKinds: number = kinds.integer | kinds.large | kinds.enormous | kinds.decimal |
  kinds.overflow;

/**
 * The kinds of texts that count as numbers. They include texts such as 007, although a column with
 * such texts is inferred as text unless its type is declared.
 */
export const countedKinds: number = numberKinds | kinds.loose;

const integers = kinds.integer | kinds.large | kinds.enormous;

/**
 * The type that was inferred for a column of a CSV file, and the reason if the column must be
 * rejected.
 */
export interface Verdict {
  /** Narrowest type that represents every value exactly. */
  readonly type: FoundType;
  /**
   * Why no numeric type represents all numbers of the column: a number is beyond the range of
   * float64 (`overflow`), or an integer in a column with decimals is not exact as float64
   * (`inexact`). Rocket reports an error for such a column.
   */
  readonly refused?: "overflow" | "inexact" | undefined;
}

/**
 * Infers the type of a CSV file's column from the combined kinds of its texts.
 *
 * @param all Kinds of all texts in the column, combined with OR.
 * @returns The type, and the reason if the column must be refused.
 */
export function verdictOf(all: number): Verdict {
  const found = all & ~(kinds.blank | kinds.spaced);
  const only = (allowed: number) => (found & ~allowed) === 0;
  if (found === 0) return { type: all & kinds.blank ? "string" : "null" };
  const signs = kinds.negative | kinds.inexact;
  if (only(kinds.integer | signs)) return { type: "int64" };
  if (only(kinds.integer | kinds.large | kinds.inexact)) return { type: "uint64" };
  if (only(integers | signs)) return { type: "string" };
  if (only(numberKinds | signs)) {
    if (found & kinds.overflow) return { type: "float64", refused: "overflow" };
    return { type: "float64", refused: found & kinds.inexact ? "inexact" : undefined };
  }
  for (const spelling of [kinds.lower, kinds.title, kinds.upper]) {
    if (found === spelling) return { type: "bool" };
  }
  if (found === kinds.date) return { type: "date" };
  if (only(kinds.date | kinds.timestamp)) return { type: "timestamp" };
  if (found === kinds.zoned) return { type: "utc" };
  return { type: found === kinds.time ? "time" : "string" };
}

const digits = "(0|[1-9][0-9]*)";
const exponent = "[eE][+-]?[0-9]+";
const clock = "([01][0-9]|2[0-3]):[0-5][0-9]";
// Microseconds are kept. Further digits must be zeros.
const fraction = "(\\.[0-9]{1,6}0*)?";
const moment = `[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]${clock}(:[0-5][0-9]${fraction})?`;

/** Patterns of complete texts. They have the same meaning in DuckDB and JavaScript. */
const patterns = {
  enormous: "-?[1-9][0-9]*",
  decimal: `-?(${digits}(\\.[0-9]*(${exponent})?|${exponent})|\\.[0-9]+(${exponent})?|0)`,
  loose: `[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)(${exponent})?`,
  whole: "[+-]?[0-9]+(\\.0*)?",
  timestamp: moment,
  zoned: `${moment}(Z|[+-][0-9]{2}(:?[0-9]{2})?)`,
  time: `${clock}:[0-5][0-9]${fraction}`,
  shortTime: `${clock}(:[0-5][0-9]${fraction})?`,
};

const matches = (x: string, pattern: string) => `regexp_full_match(${x}, ${literal(pattern)})`;
const trimmed = (x: string) => `trim(${x}, ' ' || chr(9))`;
const tried = (x: string, type: string) => `TRY_CAST(${x} AS ${type})`;
const same = (x: string, type: string) => `CAST(${tried(x, type)} AS VARCHAR) = ${x}`;
const finite = (x: string, type: string) => `isfinite(${tried(x, type)})`;
const isDate = (x: string) => `length(${x}) = 10 AND ${same(x, "DATE")}`;
const isTimestamp = (x: string) =>
  `(${matches(x, patterns.timestamp)} AND ${tried(x, "TIMESTAMP")} IS NOT NULL)`;

/** SQL branches that classify a text. The first matching branch applies. */
const branches: Readonly<Record<string, (x: string) => string>> = {
  integer: (x) => {
    const exact = `CAST(${tried(x, "BIGINT")} AS DOUBLE)::HUGEINT = ${tried(x, "BIGINT")}`;
    const sign = `CASE WHEN ${x} < '0' THEN ${
      kinds.integer | kinds.negative
    } ELSE ${kinds.integer} END`;
    return `WHEN ${same(x, "BIGINT")} THEN ${sign} | ` +
      // Integers of up to 15 digits are always exact.
      `CASE WHEN length(${x}) < 16 OR ${exact} THEN 0 ELSE ${kinds.inexact} END`;
  },
  decimal: (x) =>
    `WHEN ${matches(x, patterns.decimal)} AND ${x} <> '0' THEN ` +
    `CASE WHEN ${finite(x, "DOUBLE")} THEN ${kinds.decimal} ELSE ${kinds.overflow} END`,
  large: (x) =>
    `WHEN ${matches(x, patterns.enormous)} THEN ` +
    `CASE WHEN ${same(x, "UBIGINT")} THEN ${kinds.large} ELSE ${kinds.enormous} END | ` +
    `CASE WHEN ${x} < '0' THEN ${kinds.negative} ELSE 0 END | ` +
    `CASE WHEN CAST(${
      tried(tried(x, "DOUBLE"), "HUGEINT")
    } AS VARCHAR) = ${x} THEN 0 ELSE ${kinds.inexact} END`,
  loose: (x) => `WHEN ${matches(x, patterns.loose)} AND ${finite(x, "DOUBLE")} THEN ${kinds.loose}`,
  bool: (x) =>
    `WHEN ${x} IN ('true', 'false') THEN ${kinds.lower} ` +
    `WHEN ${x} IN ('True', 'False') THEN ${kinds.title} ` +
    `WHEN ${x} IN ('TRUE', 'FALSE') THEN ${kinds.upper}`,
  date: (x) => `WHEN ${isDate(x)} THEN ${kinds.date}`,
  timestamp: (x) => `WHEN ${isTimestamp(x)} THEN ${kinds.timestamp}`,
  zoned: (x) =>
    `WHEN ${matches(x, patterns.zoned)} AND ${tried(x, "TIMESTAMPTZ")} IS NOT NULL ` +
    `THEN ${kinds.zoned}`,
  time: (x) => `WHEN ${matches(x, patterns.time)} THEN ${kinds.time}`,
};

/**
 * Branches that most texts of a column are likely to match, by the kinds of the column's first
 * texts.
 */
const likely: readonly (readonly [kinds: number, branches: readonly string[]])[] = [
  [kinds.decimal, ["decimal", "integer"]],
  [kinds.integer, ["integer"]],
  [kinds.lower | kinds.title | kinds.upper, ["bool"]],
  [kinds.date, ["date"]],
  [kinds.timestamp, ["timestamp"]],
  [kinds.zoned, ["zoned"]],
  [kinds.time, ["time"]],
];

/**
 * Returns a fast SQL expression for the kind of a text. It evaluates to NULL for NULL, and to
 * `kinds.other` for texts that need {@linkcode kindExpression}.
 *
 * @param x SQL expression of the text.
 * @param first Kinds of the column's first texts, which select the branches to try.
 * @returns The SQL expression.
 */
export function quickExpression(x: string, first: number): string {
  const [, names = []] = likely.find(([kinds]) => first & kinds) ?? [];
  const tried = names.map((name) => branches[name]!(x)).join(" ");
  return `CASE WHEN ${x} IS NULL THEN NULL ${tried} ELSE ${kinds.other} END`;
}

/**
 * Returns a SQL expression that determines what kind of value a text represents, such as an
 * integer or a date. The result is a number from {@linkcode kinds}, or NULL if the text is NULL.
 *
 * @param x SQL expression of the text.
 * @param nullValues Texts that mean null.
 * @returns The SQL expression.
 */
export function kindExpression(x: string, nullValues: readonly string[]): string {
  const [head, ...others] = Object.values(branches);
  const blank = (x: string) => `WHEN ${x} IN (${blanks(nullValues)}) THEN ${kinds.blank}`;
  const rest = (x: string) => [blank(x), ...others.map((branch) => branch(x))].join(" ");
  const t = trimmed(x);
  return `CASE WHEN ${x} IS NULL THEN NULL ${head!(x)} ${rest(x)} ` +
    `WHEN ${x} <> ${t} THEN ${kinds.spaced} | CASE ${head!(t)} ${rest(t)} ELSE ${kinds.text} END ` +
    `ELSE ${kinds.text} END`;
}

const guesses: readonly (readonly [kind: number, pattern: RegExp])[] = ([
  [kinds.integer, `-?${digits}`],
  [kinds.decimal, patterns.decimal],
  [kinds.loose, patterns.loose],
  [kinds.lower, "true|false"],
  [kinds.title, "True|False"],
  [kinds.upper, "TRUE|FALSE"],
  [kinds.date, "[0-9]{4}-[0-9]{2}-[0-9]{2}"],
  [kinds.timestamp, patterns.timestamp],
  [kinds.zoned, patterns.zoned],
  [kinds.time, patterns.time],
] as const).map(([kind, pattern]) => [kind, new RegExp(`^(?:${pattern})$`)]);

/**
 * Guesses the kind of a text from its form, to predict the kinds of the other texts in the column.
 * Only the result `kinds.text` is certain.
 *
 * @param text The text.
 * @param nullValues Texts that mean null.
 * @returns The kind.
 */
export function likelyKind(text: string, nullValues: readonly string[]): number {
  const trimmed = text.trim();
  if (trimmed === "" || nullValues.includes(trimmed)) return kinds.blank;
  return guesses.find(([, pattern]) => pattern.test(trimmed))?.[0] ?? kinds.text;
}

/** Returns a SQL list of the texts that mean null in a column that is not text. */
const blanks = (nullValues: readonly string[]) => ["", ...nullValues].map(literal).join(", ");

/**
 * Returns a SQL condition which is true if a cast to a declared type keeps the value of the text.
 */
function suits(x: string, type: GivenType): string {
  const duckdb = columnTypes[type];
  switch (type) {
    case "string":
      return "true";
    case "bool":
      return `lower(${x}) IN ('true', 'false')`;
    case "float32":
    case "float64":
      return `${matches(x, patterns.loose)} AND ${finite(x, duckdb)}`;
    case "date":
      return isDate(x);
    case "timestamp":
      return `(${isDate(x)}) OR ${isTimestamp(x)}`;
    case "time":
      return matches(x, patterns.shortTime);
    default:
      return `(${matches(x, patterns.whole)} AND ${tried(x, duckdb)} IS NOT NULL)`;
  }
}

/**
 * Returns a SQL expression that checks a text against a declared type. It evaluates to 0 for NULL
 * and for a text that fits the type, to `kinds.blank` for a null value, to `kinds.spaced` for a
 * text that fits after trimming, and to `kinds.text` for all others.
 *
 * @param x SQL expression of the text.
 * @param type The declared type.
 * @param nullValues Texts that mean null.
 * @returns The SQL expression.
 */
export function givenExpression(
  x: string,
  type: GivenType,
  nullValues: readonly string[],
): string {
  if (type === "string") return "0";
  const t = trimmed(x);
  const quick = /int/.test(type) ? same(x, columnTypes[type]) : suits(x, type);
  return `CASE WHEN ${x} IS NULL OR (${quick}) THEN 0 ` +
    `WHEN ${t} IN (${blanks(nullValues)}) THEN ${kinds.blank} ` +
    `WHEN ${suits(t, type)} THEN ${kinds.spaced} ELSE ${kinds.text} END`;
}

/**
 * Returns a SQL expression that casts the texts of a column to a type which represents them
 * exactly.
 *
 * @param x SQL expression of the text.
 * @param type The declared or inferred type.
 * @param found Kinds of the column's texts, combined with OR.
 * @param nullValues Texts that mean null.
 * @returns The SQL expression.
 */
export function valueExpression(
  x: string,
  type: GivenType | FoundType,
  found: number,
  nullValues: readonly string[],
): string {
  if (type === "string" || type === "null") return x;
  const cast = (x: string) => `CAST(${x} AS ${duckdbTypes[type]})`;
  if ((found & (kinds.blank | kinds.spaced)) === 0) return cast(x);
  const t = trimmed(x);
  return `CASE WHEN ${t} IN (${blanks(nullValues)}) THEN NULL ELSE ${cast(t)} END`;
}
