/**
 * Which types the texts of a column can be read as without a change. DuckDB's own casts round, cut
 * and trim: here a text is looked at first, and cast only if its value is the same afterwards.
 *
 * @module
 */

import { literal } from "./duckdb.ts";

/** The types that a person may give a column of text, and DuckDB's words for them. */
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

/** A type that a person may give a column. */
export type GivenType = keyof typeof columnTypes;

/** The types that a column can turn out to have. `utc` is a timestamp with a time zone. */
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

/** DuckDB's words for all types; a column of nulls alone is read as a text of no value. */
export const duckdbTypes: Readonly<Record<GivenType | FoundType, string>> = {
  ...columnTypes,
  null: "VARCHAR",
  utc: "TIMESTAMPTZ",
};

/**
 * What a text can be, a bit each: the kinds of a column's texts are joined with OR, over files too.
 */
export const kinds = {
  /** Digits, without a zero or a plus in front, within 64 bits with a sign. */
  integer: 1,
  /** The same from 2^63 to 2^64 - 1. */
  large: 1 << 1,
  /** The same beyond 64 bits. */
  enormous: 1 << 2,
  /** Set besides one of the above: below 0. */
  negative: 1 << 3,
  /** Set besides one of the above: no float64 has this value. */
  inexact: 1 << 4,
  /** A number with a point or an exponent, or -0. */
  decimal: 1 << 5,
  /** The same beyond the largest float64. */
  overflow: 1 << 6,
  /** A number with a plus or a zero in front, which a text such as a code may have as well. */
  loose: 1 << 7,
  /** `true` and `false` in each of three spellings. */
  lower: 1 << 8,
  title: 1 << 9,
  upper: 1 << 10,
  date: 1 << 11,
  timestamp: 1 << 12,
  /** A timestamp with a time zone. */
  zoned: 1 << 13,
  time: 1 << 14,
  /** What stands for a null, but in quotes or within spaces: a null where the column is no text. */
  blank: 1 << 15,
  /** Set besides others: spaces around it. */
  spaced: 1 << 16,
  /** Anything else. */
  text: 1 << 17,
  /** Not looked at closely yet. */
  other: 1 << 18,
} as const;

/** The kinds that are numbers. */
export const numberKinds: number = kinds.integer | kinds.large | kinds.enormous | kinds.decimal |
  kinds.overflow;

/** The kinds that are numbers, also those that no column without a given type takes for numbers. */
export const countedKinds: number = numberKinds | kinds.loose;

const integers = kinds.integer | kinds.large | kinds.enormous;

/** What a column's kinds come to. */
export interface Verdict {
  /** The narrowest type that holds each value as it is. */
  readonly type: FoundType;
  /** Texts that no type of numbers holds although all are numbers: what is refused. */
  readonly refused?: "overflow" | "inexact" | undefined;
}

/**
 * The type of a column.
 *
 * @param all The kinds of its texts.
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
// Microseconds are kept; zeros behind them say nothing.
const fraction = "(\\.[0-9]{1,6}0*)?";
const moment = `[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]${clock}(:[0-5][0-9]${fraction})?`;

/** What whole texts look like; regular expressions alike in DuckDB and JavaScript. */
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

/** The branches that tell a text's kind; the first one that applies counts. */
const branches: Readonly<Record<string, (x: string) => string>> = {
  integer: (x) => {
    const exact = `CAST(${tried(x, "BIGINT")} AS DOUBLE)::HUGEINT = ${tried(x, "BIGINT")}`;
    const sign = `CASE WHEN ${x} < '0' THEN ${
      kinds.integer | kinds.negative
    } ELSE ${kinds.integer} END`;
    return `WHEN ${same(x, "BIGINT")} THEN ${sign} | ` +
      // Up to 15 digits there is no doubt.
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
 * The branches that most of a column's texts are likely to take, by the kinds of its first ones.
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
 * The kind of a text, in SQL; NULL for NULL, and `other` where that takes longer to say.
 *
 * @param x The text, in SQL.
 * @param first The kinds of the column's first texts: those that can be told.
 */
export function quickExpression(x: string, first: number): string {
  const [, names = []] = likely.find(([kinds]) => first & kinds) ?? [];
  const tried = names.map((name) => branches[name]!(x)).join(" ");
  return `CASE WHEN ${x} IS NULL THEN NULL ${tried} ELSE ${kinds.other} END`;
}

/**
 * The kind of a text, in SQL; NULL for NULL.
 *
 * @param x The text, in SQL.
 * @param nullValues What stands for a null.
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
 * What a text looks like, to guess what others in its column are. `text` is certain.
 *
 * @param text The text.
 * @param nullValues What stands for a null.
 */
export function likelyKind(text: string, nullValues: readonly string[]): number {
  const trimmed = text.trim();
  if (trimmed === "" || nullValues.includes(trimmed)) return kinds.blank;
  return guesses.find(([, pattern]) => pattern.test(trimmed))?.[0] ?? kinds.text;
}

/** What stands for a null where the column is no text, in quotes as well. */
const blanks = (nullValues: readonly string[]) => ["", ...nullValues].map(literal).join(", ");

/** What a text has to look like to be of a type that was given, and cast without a change. */
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
 * Whether a text suits a type that was given, in SQL: 0, `blank` and `spaced`, or `text` if it does
 * not.
 *
 * @param x The text, in SQL.
 * @param type The type.
 * @param nullValues What stands for a null.
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
 * A column of texts as values of a type that holds them, in SQL.
 *
 * @param x The text, in SQL.
 * @param type The type.
 * @param found The kinds of the column's texts.
 * @param nullValues What stands for a null.
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
