/**
 * CSV files: their column names, the types inferred from all values, and the SQL that reads them.
 *
 * @module
 */

import {
  Bool,
  type DataType,
  DateDay,
  Field,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  Int8,
  List,
  Null,
  Schema,
  TimeMicrosecond,
  TimestampMicrosecond,
  Uint16,
  Uint32,
  Uint64,
  Uint8,
  Utf8,
} from "apache-arrow";
import {
  commonType,
  didYouMean,
  hint,
  type HintText,
  listed,
  maxOddTexts,
  nearest,
  type Problem,
  type RowLocation,
  type TextFacts,
  UserError,
  yamlName,
} from "../../plugin.ts";
import { createReadStream } from "node:fs";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { refuseManyColumns } from "./hints.ts";
import { partitionFields } from "./hive.ts";
import { type Database, literal, noColumns, pathLiteral, quoted } from "./duckdb.ts";
import type { SourceFile } from "./files.ts";
import { lineOfRow, lineOfRowNow } from "./csv_lines.ts";
import { scanCsv, type ScannedColumn, suitsGiven } from "./csv_scan.ts";
import { compressionOf } from "./packed_text.ts";
import type { Attempt, Tables } from "./table_files.ts";
import {
  countedKinds,
  duckdbTypes,
  type FoundType,
  givenExpression,
  type GivenType,
  kindExpression,
  kinds,
  likelyKind,
  numberKinds,
  quickExpression,
  valueExpression,
  verdictOf,
} from "./text_types.ts";

/**
 * How the values in a CSV file are written, such as the delimiter, the quote, and the texts for
 * null.
 */
export interface CsvDialect {
  /**
   * The character between values. By default, a tab in .tsv and .tab files, and a comma in others.
   */
  readonly delimiter?: string | undefined;
  /**
   * Whether another delimiter that the first lines contain is used. If false, it is reported as an
   * error.
   */
  readonly anyDelimiter?: boolean;
  readonly quote: string;
  readonly header: boolean;
  readonly columns?: Readonly<Record<string, GivenType | ListColumn>> | undefined;
  readonly nullValues: readonly string[];
  /** The character before the decimals of a number; a point by default. */
  readonly decimal?: "." | "," | undefined;
}

/** A column of a CSV file whose values are lists. */
export interface ListColumn {
  /** The character between two elements. */
  readonly separator: string;
  /** The declared type of the elements, if any. */
  readonly type?: GivenType | undefined;
}

/**
 * Returns the declared type of a column, or of the elements of its lists. Only own properties
 * count, because a column may be named `constructor`.
 */
function givenType({ columns }: CsvDialect, name: string): GivenType | undefined {
  const given = columns && Object.hasOwn(columns, name) ? columns[name] : undefined;
  return typeof given === "object" ? given.type : given;
}

/** Returns the separator of a column of lists; undefined for other columns. */
function separatorOf({ columns }: CsvDialect, name: string): string | undefined {
  const given = columns && Object.hasOwn(columns, name) ? columns[name] : undefined;
  return typeof given === "object" ? given.separator : undefined;
}

/**
 * Returns the SQL expression of a text in which numbers have a decimal point. Points and commas are
 * exchanged, so that a text with a point is not a number if decimals are written with a comma.
 */
function withPoints(x: string, { decimal }: CsvDialect): string {
  return decimal === "," ? `translate(${x}, ',.', '.,')` : x;
}

/** Exchanges points and commas as {@linkcode withPoints} does. */
function pointed(text: string, { decimal }: CsvDialect): string {
  return decimal === "," ? text.replace(/[.,]/g, (one) => one === "." ? "," : ".") : text;
}

/** Returns the texts that mean null, as they are compared with texts from {@linkcode withPoints}. */
const pointedNulls = (dialect: CsvDialect) =>
  dialect.nullValues.map((text) => pointed(text, dialect));

/** Returns the SQL expression of a list of texts. An empty text is an empty list. */
const listOf = (x: string, separator: string) =>
  `CASE WHEN ${x} = '' THEN [] ELSE string_split(${x}, ${literal(separator)}) END`;

/** A CSV file with its column names. */
export interface CsvFile {
  readonly file: SourceFile;
  readonly delimiter: string;
  /** The names of the columns, in the order of the file. */
  readonly names: readonly string[];
  /** The number of blank lines before the header. */
  readonly blankLines: number;
  /** The end of the first record; undefined if unknown, or if the file has no line end. */
  readonly lineEnd?: string | undefined;
}

/** A column of all files. */
interface CsvColumn {
  readonly name: string;
  /** The declared type, if any. */
  readonly given: GivenType | undefined;
  /** The kinds of the column's texts in each file, as bits of {@linkcode kinds}. */
  readonly kinds: ReadonlyMap<CsvFile, number>;
  readonly counts: Counts;
  /** The type of the values, or of the elements of lists. */
  readonly type: GivenType | FoundType;
  /** The separator of lists; undefined for other columns. */
  readonly separator: string | undefined;
}

interface Counts {
  values: number;
  numbers: number;
  /** Texts among the first rows that are not numbers, slightly more than a message lists. */
  texts: Set<string>;
}

/**
 * The number of values at the start of a file, over all columns, that give the first guess of the
 * types.
 */
const firstValues = 2 ** 18;

/**
 * The maximum number of columns for which all types are inferred. In wider files, only the types of
 * requested columns are inferred, because inferring all would take too long.
 */
const maxTyped = 1_000;

/** The number of characters of a text that the first guess of a type uses. */
const likelyLength = 1_000;

/** The maximum number of columns per statement. */
const columnsAtOnce = 250;

/** The Arrow type of each declared or inferred type. */
const arrowTypes: Readonly<Record<GivenType | FoundType, () => DataType>> = {
  int8: () => new Int8(),
  int16: () => new Int16(),
  int32: () => new Int32(),
  uint8: () => new Uint8(),
  uint16: () => new Uint16(),
  uint32: () => new Uint32(),
  float32: () => new Float32(),
  null: () => new Null(),
  bool: () => new Bool(),
  int64: () => new Int64(),
  uint64: () => new Uint64(),
  float64: () => new Float64(),
  date: () => new DateDay(),
  time: () => new TimeMicrosecond(),
  timestamp: () => new TimestampMicrosecond(),
  utc: () => new TimestampMicrosecond("UTC"),
  string: () => new Utf8(),
};

/**
 * Reads the column names of a CSV file.
 *
 * @param database The database that runs statements.
 * @param file The file.
 * @param dialect The format of the file.
 * @throws {UserError} If the file has no text, too many columns or duplicate names, lacks a
 *   declared column, or seems to have another delimiter.
 */
export async function openCsv(
  database: Database,
  file: SourceFile,
  dialect: CsvDialect,
): Promise<CsvFile> {
  let delimiter = dialect.delimiter ?? (isTabbed(file) ? "\t" : ",");
  const start = await startOf(database, file, delimiter, dialect.quote);
  const text = start.text.replace(/^[\r\n]+/, "");
  const blankLines = text === "" ? 0 : blankLinesOf(start.text);
  let { records: [first, second], lineEnd } = recordsOf(text, delimiter, dialect.quote);
  if (first === undefined) {
    throw new UserError(`${file.name} contains no text`, {
      hint: hint("csv/names", "write the names of the columns into its first line", {
        edit: "the data file",
      }),
    });
  }
  const other = otherDelimiter(delimiter, first, second);
  if (other !== undefined && !dialect.anyDelimiter) {
    const shown = (text: string) => text === "\t" ? '"\\t"' : `"${text}"`;
    throw new UserError(
      `with the delimiter ${shown(delimiter)}, ${file.name} has only one column, ${
        JSON.stringify(first[0])
      }`,
      {
        hint: hint(
          "csv/delimiter",
          `if ${shown(other)} separates the values, write delimiter: ${shown(other)}`,
          {
            set: { delimiter: other },
          },
        ),
      },
    );
  }
  if (other !== undefined) {
    delimiter = other;
    ({ records: [first = []], lineEnd } = recordsOf(text, delimiter, dialect.quote));
  }
  if (start.hasMark && dialect.header) refuseMarkedName(file, first[0]!, delimiter, dialect.quote);
  refuseManyColumns(file.name, first.length);
  const given = Object.keys(dialect.columns ?? {});
  const names = dialect.header
    ? first.map((name, index) => name === "" ? `column${index}` : name)
    : given.length > 0
    ? given
    : first.map((_, index) => `column${index}`);
  const seen = new Set<string>();
  const twice = names.find((name) => seen.size === seen.add(name).size);
  if (twice !== undefined) {
    throw new UserError(`${file.name} has two columns called ${twice}`, {
      hint: hint(
        "csv/twice",
        "rename one of them in the first line; if the first line has values instead of names, write header: false",
        [{ edit: "the data file" }, { set: { header: false } }],
      ),
    });
  }
  const missing = given.find((name) => !names.includes(name));
  if (missing !== undefined) {
    throw new UserError(`${file.name} has no column ${missing}`, {
      hint: hint(
        "csv/column",
        `${didYouMean(missing, names)}its columns are ${listed(names.map(yamlName))}`,
        {
          remove: [`columns/${missing}`],
          set: {
            [`columns/${nearest(missing, names) ?? names[0]!}`]: dialect.columns![missing]!,
          },
        },
      ),
    });
  }
  if (!start.hasLineEnds) lineEnd = undefined;
  return { file, delimiter, names, blankLines, lineEnd };
}

/**
 * Rejects a first name that DuckDB does not read to its end: it does not recognize a quote after a
 * byte order mark, so that the name must not contain what ends a record or starts a quoted value.
 */
function refuseMarkedName(
  { name }: SourceFile,
  column: string,
  delimiter: string,
  quote: string,
): void {
  const endsRecord = /[\r\n]/.test(column);
  const startsQuote = column.split(delimiter).slice(1).some((part) =>
    part.trim() === "" || part.trimStart().startsWith(quote)
  );
  if (!endsRecord && !startsQuote) return;
  throw new UserError(
    `${name} starts with a byte order mark, after which the column name ${
      JSON.stringify(column)
    } cannot be read`,
    {
      hint: hint(
        "csv/mark",
        "save the file as UTF-8 without a byte order mark, or rename the first column",
        { edit: "the data file" },
      ),
    },
  );
}

const isTabbed = ({ name }: SourceFile) => /\.(tsv|tab)(\.gz|\.zst)?$/i.test(name);

/** The start of a file. */
interface Start {
  readonly text: string;
  /** Whether the text follows a byte order mark. */
  readonly hasMark: boolean;
  /** Whether lines end as in the file. */
  readonly hasLineEnds: boolean;
}

/** Returns the start of a file as text, with at least two records if the file has them. */
async function startOf(
  database: Database,
  file: SourceFile,
  delimiter: string,
  quote: string,
): Promise<Start> {
  const { path } = file, compression = compressionOf(file), bytes = createReadStream(path);
  const stream = compression === "gzip"
    ? bytes.pipe(createGunzip())
    : compression === "zstd"
    ? bytes.pipe(createZstdDecompress())
    : bytes;
  bytes.on("error", (error) => stream.destroy(error));
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const startWith = (text: string): Start => {
    const hasMark = text.startsWith("\ufeff");
    return { text: hasMark ? text.slice(1) : text, hasMark, hasLineEnds: true };
  };
  try {
    let text = "", looked = 0;
    for await (const part of stream) {
      text += decoder.decode(part as Uint8Array, { stream: true });
      if (text.length < 2 * looked) continue;
      looked = text.length;
      // The start of a third record shows that two records are complete.
      const isComplete = text.length > maxStart ||
        recordsOf(text, delimiter, quote, 3).records.length === 3;
      if (isComplete) return startWith(text);
    }
    return startWith(text + decoder.decode());
  } catch {
    // DuckDB reports the problem.
  } finally {
    bytes.destroy();
    stream.destroy();
  }
  const rows = await database.rows(
    `FROM read_csv([${pathLiteral(path)}], auto_detect = false, header = false, ` +
      `compression = '${compression}', ` +
      "delim = '\\0', quote = '', escape = '', columns = {'line': 'VARCHAR'}) LIMIT 100",
  );
  const text = rows.map(([line]) => (line as string | null) ?? "").join("\n");
  return { text, hasMark: false, hasLineEnds: false };
}

/**
 * The number of characters that always contain two records, because a line is at most 2 MB long.
 */
const maxStart = 2 ** 22;

const blankLinesOf = (text: string) =>
  /^(\r\n|\n|\r)*/.exec(text)![0].match(/\r\n|\n|\r/g)?.length ?? 0;

/**
 * Returns the values of the first records of a text, two records by default, and the line end of the
 * first record.
 */
function recordsOf(text: string, delimiter: string, quote: string, most = 2): Records {
  const records: string[][] = [];
  let lineEnd: string | undefined;
  let values: string[] = [], value = "", within = false, start = true, ended = true;
  const endRecord = () => {
    values.push(value);
    if (values.length > 1 || value !== "" || !start) records.push(values);
    [values, value, start, ended] = [[], "", true, true];
  };
  for (let at = 0; at < text.length && records.length < most; at++) {
    const character = text[at]!;
    ended = false;
    if (within) {
      if (character !== quote) value += character;
      else if (text[at + 1] === quote) value += text[++at];
      else within = false;
    } else if (character === quote && value.trim() === "" && start) {
      [within, value, start] = [true, "", false];
    } else if (character === delimiter) {
      values.push(value);
      [value, start] = ["", true];
    } else if (character === "\n" || character === "\r") {
      const end = character === "\r" && text[at + 1] === "\n" ? "\r\n" : character;
      at += end.length - 1;
      endRecord();
      if (records.length === 1) lineEnd ??= end;
    } else value += character;
  }
  if (!ended && records.length < most) endRecord();
  return { records, lineEnd };
}

interface Records {
  readonly records: readonly string[][];
  readonly lineEnd: string | undefined;
}

/**
 * Returns a more plausible delimiter, if the first line has only one column with the given one and
 * the next line has as many of the other delimiter.
 */
function otherDelimiter(
  delimiter: string,
  first: readonly string[],
  second: readonly string[] | undefined,
): string | undefined {
  if (first.length > 1) return undefined;
  const [header] = first as [string];
  const count = (text: string, of: string) => text.split(of).length - 1;
  const next = second?.join(delimiter);
  return [";", "\t", "|", ","].find((other) =>
    other !== delimiter && count(header, other) > 0 &&
    (next === undefined || count(next, other) === count(header, other))
  );
}

/** The line ends as DuckDB's option `new_line` expects them. */
const lineEnds: Readonly<Record<string, string>> = { "\n": "\\n", "\r\n": "\\r\\n", "\r": "\\r" };

/**
 * Returns the table expression (for a FROM clause) that reads a file. All values are texts, and
 * columns are named by their index from 0.
 *
 * @param file The file.
 * @param dialect The format of the file.
 */
export function tableOf(
  { file, delimiter, names, blankLines, lineEnd }: CsvFile,
  dialect: CsvDialect,
): string {
  const { quote, header, nullValues } = dialect;
  const settings = [
    "auto_detect = false",
    `compression = '${compressionOf(file)}'`,
    `delim = ${literal(delimiter)}`,
    `quote = ${literal(quote)}`,
    `escape = ${literal(quote)}`,
    `header = ${header}`,
    // Without `skip`, DuckDB would read the header after blank lines as a row.
    `skip = ${header ? blankLines : 0}`,
    // DuckDB would take the first line break of the file, which may be within a quoted name.
    ...lineEnd === undefined ? [] : [`new_line = ${literal(lineEnds[lineEnd]!)}`],
    `nullstr = [${nullValues.map(literal).join(", ")}]`,
    "comment = ''",
    // A quoted "" is an empty text; an absent value is a null.
    "allow_quoted_nulls = false",
    `columns = {${names.map((_, index) => `'${index}': 'VARCHAR'`).join(", ")}}`,
  ];
  return `read_csv([${pathLiteral(file.path)}], ${settings.join(", ")})`;
}

/**
 * Reads all values of files to infer the types of their columns.
 *
 * @param database The database that runs statements.
 * @param files The files.
 * @param dialect The format of the files.
 * @param asked The names of the columns that will be read; all by default. Errors in other columns
 *   are ignored.
 * @param attempt Runs a function on a file and converts DuckDB's errors to short messages.
 * @throws {UserError} If files have different columns, or if a value is not valid for the type of
 *   its column (with its line).
 */
export async function describeCsv(
  database: Database,
  files: readonly SourceFile[],
  dialect: CsvDialect,
  asked: readonly string[] | undefined,
  attempt: Attempt,
): Promise<CsvTables> {
  const opened: CsvFile[] = [];
  for (const file of files) {
    opened.push(await attempt(file, () => openCsv(database, file, dialect)));
    refuseOtherNames(opened[0]!, opened.at(-1)!);
  }
  const { names } = opened[0]!;
  const found = new Map(names.map((name) => [name, new Map<CsvFile, number>()]));
  const counts = new Map(
    names.map((name) => [name, { values: 0, numbers: 0, texts: new Set<string>() }]),
  );
  for (const file of opened) {
    const wanted = new Set(asked);
    if (asked?.length === 0) continue;
    const looked = names.length > maxTyped && asked
      ? names.filter((name) => wanted.has(name))
      : names;
    const tally = await attempt(
      file.file,
      () => lookThrough(database, file, dialect, looked),
    );
    for (const [name, { kinds, values, numbers, texts }] of tally) {
      found.get(name)!.set(file, kinds);
      counts.get(name)!.values += values;
      counts.get(name)!.numbers += numbers;
      for (const text of texts) counts.get(name)!.texts.add(text);
    }
  }
  const columns = names.map((name): CsvColumn => {
    const given = givenType(dialect, name), own = found.get(name)!;
    const type = given ?? (own.size > 0 ? verdictOf(joined(own)).type : "string");
    const separator = separatorOf(dialect, name);
    return { name, given, kinds: own, counts: counts.get(name)!, type, separator };
  });
  const tables = new CsvTables(database, opened, dialect, columns, asked, attempt);
  await tables.refuseMisfits();
  await tables.explainTexts();
  return tables;
}

const placesOf = new WeakMap<readonly string[], ReadonlyMap<string, number>>();

/**
 * Returns the index of a column in a file, or -1. The map avoids a linear search per column, which
 * would take quadratic time with tens of thousands of columns.
 */
function placeOf({ names }: Pick<CsvFile, "names">, name: string): number {
  let places = placesOf.get(names);
  if (!places) placesOf.set(names, places = new Map(names.map((one, place) => [one, place])));
  return places.get(name) ?? -1;
}

const joined = (kinds: ReadonlyMap<CsvFile, number>) =>
  [...kinds.values()].reduce((all, one) => all | one, 0);

function refuseOtherNames(first: CsvFile, other: CsvFile): void {
  // Sets, because files may have tens of thousands of columns.
  const ofFirst = new Set(first.names), ofOther = new Set(other.names);
  const missing = first.names.find((name) => !ofOther.has(name));
  const more = other.names.find((name) => !ofFirst.has(name));
  if (missing === undefined && more === undefined) return;
  const [name, file, names] = missing !== undefined
    ? [missing, other.file.name, other.names]
    : [more!, first.file.name, first.names];
  throw new UserError(`${file} has no column ${name}`, {
    hint: hint(
      "csv/columns",
      `all files of a source must have the same columns; ${
        didYouMean(name, names)
      }its columns are ${listed(names.map(yamlName))}`,
      { edit: "the data files" },
    ),
  });
}

interface ColumnTally extends Counts {
  kinds: number;
}

/**
 * Determines the kinds of each column's texts in a file. The first rows give the expected kinds;
 * columns with other values are examined in full.
 */
async function lookThrough(
  database: Database,
  file: CsvFile,
  dialect: CsvDialect,
  names: readonly string[],
): Promise<Map<string, ColumnTally>> {
  const nullValues = pointedNulls(dialect);
  const table = tableOf(file, dialect);
  const most = Math.ceil(firstValues / file.names.length);
  const index = new Map(file.names.map((name, index) => [name, index]));
  const text = (name: string) => quoted(`${index.get(name)}`);
  // No number is longer than this, while a text may have 2 MB.
  const starts = names.map((name) => `left(${text(name)}, ${likelyLength})`);
  const firstRows = starts.length === 0 ? [] : await database.rows(
    `SELECT ${starts.join(", ")} FROM ${table} LIMIT ${Math.min(most, 2 ** 11)}`,
  );
  const tallies = new Map<string, ColumnTally>();
  let open: string[] = [];
  const lists: string[] = [];
  for (const [at, name] of names.entries()) {
    if (separatorOf(dialect, name) !== undefined) {
      lists.push(name);
      continue;
    }
    const first = firstTally(firstRows, at, dialect);
    const given = givenType(dialect, name);
    if (given === "string") tallies.set(name, { ...first, kinds: 0 });
    else if (given === undefined && settled(first)) tallies.set(name, first);
    else open.push(name), tallies.set(name, first);
  }
  const scanned = await scanCsv(file, dialect, open);
  open = open.filter((name) => {
    const column = scanned?.get(name);
    const tally = column && tallyOf(column, givenType(dialect, name));
    if (tally) tallies.set(name, tally);
    return tally === undefined;
  });
  const look = async (names: readonly string[], expression: (name: string) => string) => {
    for (let start = 0; start < names.length; start += columnsAtOnce) {
      const some = names.slice(start, start + columnsAtOnce);
      const list = some.map((name, at) => `${expression(name)} AS k${at}`);
      const sums = some.map((_, at) =>
        `coalesce(bit_or(k${at}), 0), count(k${at}), ` +
        `count(*) FILTER (k${at} & ${countedKinds} <> 0)`
      );
      const row = await database.firstRow(
        `SELECT ${sums.join(", ")} FROM (SELECT ${list.join(", ")} FROM ${table})`,
      );
      some.forEach((name, at) => {
        const [kinds, values, numbers] = row.slice(3 * at, 3 * at + 3).map(Number);
        tallies.set(name, { kinds: kinds!, values: values!, numbers: numbers!, texts: new Set() });
      });
    }
  };
  await look(open, (name) => {
    const type = givenType(dialect, name);
    return type
      ? givenExpression(withPoints(text(name), dialect), type, nullValues)
      : quickExpression(withPoints(text(name), dialect), tallies.get(name)!.kinds);
  });
  const others = open.filter((name) => tallies.get(name)!.kinds & kinds.other);
  await look(others, (name) => kindExpression(withPoints(text(name), dialect), nullValues));
  for (const name of lists) {
    const list = listOf(text(name), separatorOf(dialect, name)!);
    const type = givenType(dialect, name), element = withPoints("t", dialect);
    const kind = type
      ? givenExpression(element, type, nullValues)
      : kindExpression(element, nullValues);
    const [found] = await database.firstRow(
      `SELECT coalesce(bit_or(${kind}), 0) FROM (SELECT unnest(${list}) AS t FROM ${table})`,
    );
    tallies.set(name, { kinds: Number(found), values: 0, numbers: 0, texts: new Set() });
  }
  // If no column was read to infer its type, this statement still checks that all lines are valid.
  if (open.length === 0 && !scanned) await database.firstRow(`SELECT count("0") FROM ${table}`);
  return tallies;
}

/** Returns the tally of a column from the byte scan; undefined if the scan is not sufficient. */
function tallyOf(column: ScannedColumn, given: GivenType | undefined): ColumnTally | undefined {
  const { kinds: found, values, blanks } = column, texts = new Set<string>();
  if (given !== undefined) {
    return suitsGiven(column, given) ? { kinds: 0, values, numbers: 0, texts } : undefined;
  }
  if ((found & numberKinds) === 0) return { kinds: found, values, numbers: 0, texts };
  if (found & ~(numberKinds | kinds.negative | kinds.inexact | kinds.blank)) return undefined;
  return { kinds: found, values, numbers: values - blanks, texts };
}

function firstTally(
  rows: readonly (readonly unknown[])[],
  column: number,
  dialect: CsvDialect,
): ColumnTally {
  const nullValues = pointedNulls(dialect);
  const tally: ColumnTally = { kinds: 0, values: 0, numbers: 0, texts: new Set() };
  for (const row of rows) {
    const text = row[column] as string | null;
    if (text === null) continue;
    const kind = likelyKind(pointed(text, dialect), nullValues);
    tally.kinds |= kind;
    tally.values++;
    if (kind & countedKinds) tally.numbers++;
    else if (kind !== kinds.blank && tally.texts.size <= maxOddTexts) tally.texts.add(text);
  }
  return tally;
}

/**
 * Checks whether a column is certainly text: it contains a text, and at most half of its values are
 * numbers, so further rows cannot change the result.
 */
const settled = ({ kinds: found, numbers, values }: ColumnTally) =>
  (found & kinds.text) !== 0 && 2 * numbers <= values;

/** CSV files with typed columns. */
export class CsvTables implements Tables {
  readonly #database: Database;
  readonly #files: readonly CsvFile[];
  readonly #dialect: CsvDialect;
  readonly #columns: readonly CsvColumn[];
  readonly #asked: readonly string[] | undefined;
  readonly #attempt: Attempt;
  readonly #fields: Map<string, Field>;
  readonly #partitions: readonly Field[];
  readonly #textFacts: Map<string, TextFacts>;

  constructor(
    database: Database,
    files: readonly CsvFile[],
    dialect: CsvDialect,
    columns: readonly CsvColumn[],
    asked: readonly string[] | undefined,
    attempt: Attempt,
    partitions?: readonly Field[],
    textFacts?: ReadonlyMap<string, TextFacts>,
  ) {
    this.#textFacts = new Map(textFacts);
    this.#database = database;
    this.#files = files;
    this.#dialect = dialect;
    this.#columns = columns;
    this.#asked = asked;
    this.#attempt = attempt;
    this.#fields = new Map(columns.map((column) => [column.name, fieldOf(column)]));
    const own = [...this.#fields.values()];
    this.#partitions = partitions ??
      partitionFields(files.map(({ file }) => ({ ...file, fields: own })));
  }

  get schema(): Schema {
    return new Schema([...this.#fields.values(), ...this.#partitions]);
  }

  statement(file: SourceFile, names: readonly string[] | undefined) {
    const opened = this.#files.find((it) => it.file === file)!;
    const wanted = names && new Set(names);
    const columns = this.#columns.filter(({ name }) => !wanted || wanted.has(name));
    const list = columns.map((column) => this.#value(opened, column));
    return {
      sql: `SELECT ${list.join(", ") || "NULL::BOOLEAN"} FROM ${tableOf(opened, this.#dialect)}`,
      schema: columns.length > 0
        ? new Schema(columns.map(({ name }) => this.#fields.get(name)!))
        : noColumns,
    };
  }

  /** A SELECT that returns all columns of all files by name, for use in a query. */
  get query(): string {
    const parts = this.#files.map((file) => {
      const list = this.#columns.map((column) =>
        `${this.#value(file, column)} AS ${quoted(column.name)}`
      );
      for (const field of this.#partitions) {
        const text = file.file.partitions.get(field.name) ?? null;
        const type = duckdbTypes[foundTypes.find((it) => isOf(field, it))!];
        const value = text === null ? "NULL" : literal(text);
        list.push(`CAST(${value} AS ${type}) AS ${quoted(field.name)}`);
      }
      return `SELECT ${list.join(", ")} FROM ${tableOf(file, this.#dialect)}`;
    });
    return parts.join(" UNION ALL ");
  }

  line(file: SourceFile, row: number): number | undefined {
    return lineOfRowNow(this.#files.find((it) => it.file === file)!, this.#dialect, row);
  }

  async widen(fields: readonly Field[]): Promise<CsvTables> {
    const byName = new Map(fields.map((field) => [field.name, field]));
    const columns = this.#columns.map((column) => {
      const wider = column.separator === undefined ? byName.get(column.name) : undefined;
      const type = wider && widerType(column, wider.type);
      return type ? { ...column, type } : column;
    });
    const partitions = this.#partitions.map((field) => {
      const wider = byName.get(field.name);
      if (!wider) return field;
      const type = String(wider.type) === "Utf8" ? wider.type : commonType(field.type, wider.type);
      return type ? new Field(field.name, type, true) : field;
    });
    const tables = new CsvTables(
      this.#database,
      this.#files,
      this.#dialect,
      columns,
      this.#asked,
      this.#attempt,
      partitions,
      this.#textFacts,
    );
    await tables.refuseMisfits();
    return tables;
  }

  /**
   * Checks that all values of the columns to read are valid for their types.
   *
   * @throws {UserError} If there are invalid values, with the first one of each column.
   */
  async refuseMisfits(): Promise<void> {
    const problems: Problem[] = [];
    for (const column of this.#read()) {
      const problem = await this.#misfit(column);
      if (problem) problems.push(problem);
    }
    if (problems.length > 0) throw new UserError(problems);
  }

  /** Facts about the text columns to read, by column name, for messages. */
  get textFacts(): ReadonlyMap<string, TextFacts> {
    return this.#textFacts;
  }

  /** Collects, for text columns with mostly numbers, the values that are not numbers. */
  async explainTexts(): Promise<void> {
    for (const column of this.#read()) {
      const isText = column.type === "string" && column.separator === undefined;
      if (isText) this.#textFacts.set(column.name, await this.#factsOf(column));
    }
  }

  async #factsOf(column: CsvColumn): Promise<TextFacts> {
    const { nullValues } = this.#dialect, { name, given, counts: { values, numbers } } = column;
    if (given !== undefined) {
      // Only the first rows were examined. Numbers in a text column would need a declared type as
      // well.
      const texts = [...column.counts.texts].slice(0, maxOddTexts + 1);
      return { values, numbers, texts, codes: true, nullValues };
    }
    const codes = [...column.kinds.values()].some((found) => found & kinds.loose);
    if (2 * numbers <= values || numbers === values) {
      return { values, numbers, texts: [], codes, nullValues };
    }
    const others = kinds.blank | kinds.spaced | kinds.negative | kinds.inexact | countedKinds;
    const texts = new Set<string>();
    let first: RowLocation | undefined;
    for (const file of this.#files) {
      if ((column.kinds.get(file)! & ~others) === 0 || texts.size > maxOddTexts) continue;
      const rows = await this.#textsOf(file, name, `k & ${~others & (2 ** 18 - 1)} <> 0`);
      const [start] = rows;
      if (start && !first) {
        const line = await lineOfRow(file, this.#dialect, start.row);
        first = { file: file.file.name, row: start.row, line };
      }
      for (const { text } of rows) texts.add(text);
    }
    const named = [...texts].slice(0, maxOddTexts + 1);
    return { values, numbers, texts: named, codes, first, nullValues };
  }

  #read(): CsvColumn[] {
    const asked = this.#asked && new Set(this.#asked);
    return this.#columns.filter(({ name }) => !asked || asked.has(name));
  }

  #value(file: CsvFile, { name, type, kinds, separator }: CsvColumn): string {
    const text = quoted(`${placeOf(file, name)}`), dialect = this.#dialect;
    const isText = type === "string" || type === "null";
    const value = (x: string) =>
      isText ? x : valueExpression(
        withPoints(x, dialect),
        type,
        kinds.get(file) ?? 0,
        pointedNulls(dialect),
      );
    if (separator === undefined) return value(text);
    const list = listOf(text, separator);
    return isText ? list : `[${value("t")} FOR t IN ${list}]`;
  }

  async #misfit(column: CsvColumn): Promise<Problem | undefined> {
    const { name, given, type } = column;
    if (given !== undefined) {
      const found = await this.#firstOf(column, kinds.text, (k) => `${k} & ${kinds.text} <> 0`);
      return found && {
        message: `${found.where}: ${
          shown(found.text)
        } in the column ${name} is not a valid ${given}`,
        hint: this.#givenHint(name, given, found.text),
      };
    }
    if (type !== "float64") return undefined;
    const overflow = await this.#firstOf(
      column,
      kinds.overflow,
      (k) => `${k} & ${kinds.overflow} <> 0`,
    );
    const asText = this.#declared(name, "string"), asFloat = this.#declared(name, "float64");
    if (overflow) {
      return {
        message: `${overflow.where}: ${
          shown(overflow.text)
        } in the column ${name} exceeds the range of float64`,
        hint: hint(
          "csv/overflow",
          `correct the value, or read the column as text with ${asText.option}`,
          [{ edit: "the data file" }, { set: { [asText.path]: "string" } }],
        ),
      };
    }
    const inexact = await this.#firstOf(
      column,
      kinds.inexact,
      (k) => `${k} & ${kinds.inexact} <> 0`,
    );
    return inexact && {
      message: `${inexact.where}: the column ${name} has decimals and is read as float64, which ` +
        `cannot represent the integer ${shown(inexact.text)} exactly`,
      hint: hint(
        "csv/inexact",
        `to round it, write ${asFloat.option}; to keep its digits, write ${asText.option}`,
        [{ set: { [asFloat.path]: "float64" } }, { set: { [asText.path]: "string" } }],
      ),
    };
  }

  /** Returns how a pipeline declares the type of a column: as text, and the path of the option. */
  #declared(name: string, type: string): { readonly option: string; readonly path: string } {
    const separator = separatorOf(this.#dialect, name), key = yamlName(name);
    return separator === undefined
      ? { option: `columns: { ${key}: ${type} }`, path: `columns/${name}` }
      : {
        option: `columns: { ${key}: { separator: ${JSON.stringify(separator)}, type: ${type} } }`,
        path: `columns/${name}/type`,
      };
  }

  #givenHint(name: string, given: GivenType, text: string): HintText {
    const nulls = [...this.#dialect.nullValues, text];
    const number = /^[+-]?[0-9]*\.?[0-9]+([eE][+-]?[0-9]+)?$/.test(pointed(text, this.#dialect));
    const other = /int/.test(given) && number ? "float64" : "string";
    const { option, path } = this.#declared(name, other);
    return hint(
      "csv/type",
      `correct the value, or write ${option}, or if it represents a null: ` +
        `nullValues: [${nulls.map((text) => JSON.stringify(text)).join(", ")}]`,
      [
        { edit: "the data file" },
        { set: { [path]: other } },
        { set: { nullValues: nulls } },
      ],
    );
  }

  /** Returns the first text of some kinds in a column, and its line. */
  async #firstOf(
    column: CsvColumn,
    wanted: number,
    condition: (k: string) => string,
  ): Promise<{ where: string; text: string } | undefined> {
    for (const file of this.#files) {
      if ((column.kinds.get(file)! & wanted) === 0) continue;
      const [found] = await this.#rowsOf(file, column.name, condition("k"), 1);
      if (!found) continue;
      const line = await lineOfRow(file, this.#dialect, found.row);
      const where = line === undefined
        ? `row ${found.row} of ${file.file.name} (rows count from 0)`
        : `line ${line} of ${file.file.name}`;
      return { where, text: found.text };
    }
    return undefined;
  }

  /**
   * Returns the distinct texts of some kinds in the order of their first rows, slightly more than a
   * message lists.
   */
  #textsOf(file: CsvFile, name: string, condition: string) {
    const most = `GROUP BY t ORDER BY 1 LIMIT ${maxOddTexts + 1}`;
    return this.#select(file, name, "min(row) AS row, t", `${condition} ${most}`);
  }

  #rowsOf(file: CsvFile, name: string, condition: string, most: number) {
    return this.#select(file, name, "row, t", `${condition} LIMIT ${most}`);
  }

  async #select(
    file: CsvFile,
    name: string,
    list: string,
    condition: string,
  ): Promise<{ row: number; text: string }[]> {
    const text = quoted(`${placeOf(file, name)}`), dialect = this.#dialect;
    const given = givenType(dialect, name), separator = separatorOf(dialect, name);
    const t = withPoints("t", dialect), nullValues = pointedNulls(dialect);
    const kind = given ? givenExpression(t, given, nullValues) : kindExpression(t, nullValues);
    const texts = `SELECT row_number() OVER () - 1 AS row, ${text} AS t FROM ${
      tableOf(file, dialect)
    }`;
    const all = separator === undefined
      ? texts
      : `SELECT row, unnest(${listOf("t", separator)}) AS t FROM (${texts})`;
    const rows = await this.#attempt(
      file.file,
      () =>
        this.#database.rows(
          `SELECT ${list} FROM (SELECT row, t, ${kind} AS k FROM (${all})) WHERE ${condition}`,
        ),
    );
    return rows.map(([row, text]) => ({ row: Number(row), text: text as string }));
  }
}

function fieldOf({ name, type, separator }: CsvColumn): Field {
  if (separator === undefined) return new Field(name, arrowTypes[type](), true);
  // Lists without any element can be lists of any type.
  const element = arrowTypes[type === "null" ? "string" : type]();
  return new Field(name, new List(new Field("item", element, true)), true);
}

const isOf = ({ type }: Field, found: FoundType) => String(arrowTypes[found]()) === String(type);

/** The types that can be inferred. */
const foundTypes = [
  "null",
  "bool",
  "int64",
  "uint64",
  "float64",
  "date",
  "time",
  "timestamp",
  "utc",
  "string",
] as const;

/**
 * Returns the type for reading a column as a wider type. Undefined if the column has a declared
 * type or its values cannot be read as the wider type.
 */
function widerType({ given, type }: CsvColumn, wider: DataType): FoundType | undefined {
  if (given !== undefined) return undefined;
  const own = arrowTypes[type]();
  if (String(own) === String(wider)) return undefined;
  const found = foundTypes.find((name) => String(arrowTypes[name]()) === String(wider));
  if (found === "string") return found;
  return found !== undefined && String(commonType(own, wider)) === String(wider)
    ? found
    : undefined;
}

const shown = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 59)}…` : text);
