/**
 * Text files with columns: their names, the types of all their values together, and how they are
 * read.
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
  maxOddTexts,
  nearest,
  type Problem,
  type RowLocation,
  type TextFacts,
  UserError,
} from "../../plugin.ts";
import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { refuseManyColumns, yamlKey } from "./hints.ts";
import { partitionFields } from "./hive.ts";
import { type Database, literal, noColumns, quoted } from "./duckdb.ts";
import type { SourceFile } from "./files.ts";
import { lineOfRow, lineOfRowNow } from "./csv_lines.ts";
import { scanCsv, type ScannedColumn, suitsGiven } from "./csv_scan.ts";
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

/** How text with columns is written. */
export interface CsvDialect {
  /** What stands between values; by default a tab in .tsv files, else a comma. */
  readonly delimiter?: string | undefined;
  /** Whether another delimiter is taken if the first lines have it; else it is refused. */
  readonly anyDelimiter?: boolean;
  readonly quote: string;
  readonly header: boolean;
  readonly columns?: Readonly<Record<string, GivenType>> | undefined;
  readonly nullValues: readonly string[];
}

/** The type that a person gave a column, which may be called `constructor`, as objects have one. */
function givenType({ columns }: CsvDialect, name: string): GivenType | undefined {
  return columns && Object.hasOwn(columns, name) ? columns[name] : undefined;
}

/** A file whose columns have names. */
export interface CsvFile {
  readonly file: SourceFile;
  readonly delimiter: string;
  /** The columns, in the order of the file. */
  readonly names: readonly string[];
  /** How many blank lines stand before the header. */
  readonly blankLines: number;
}

/** A column of all files together. */
interface CsvColumn {
  readonly name: string;
  /** The type that a person gave it. */
  readonly given: GivenType | undefined;
  /** The kinds of its texts by file. */
  readonly kinds: ReadonlyMap<CsvFile, number>;
  readonly counts: Counts;
  readonly type: GivenType | FoundType;
}

interface Counts {
  values: number;
  numbers: number;
  /** The texts at the start that are no numbers, a few more than a message names. */
  texts: Set<string>;
}

/** How many values at a file's start say what its columns may be, in all columns. */
const firstValues = 2 ** 18;

/**
 * Of more columns than these, only those that are asked for get types: looking at all takes too
 * long.
 */
const maxTyped = 1_000;

/** How many characters of a text say what its column may be. */
const likelyLength = 1_000;

/** How many columns one statement looks at. */
const columnsAtOnce = 250;

/** The Arrow types of what columns are read as. */
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
 * Reads the names of a file's columns.
 *
 * @param database Where statements run.
 * @param file The file.
 * @param dialect How it is written.
 * @throws {UserError} If it has none, or is written otherwise.
 */
export async function openCsv(
  database: Database,
  file: SourceFile,
  dialect: CsvDialect,
): Promise<CsvFile> {
  let delimiter = dialect.delimiter ?? (isTabbed(file) ? "\t" : ",");
  const start = await startOf(database, file, delimiter, dialect.quote);
  const text = start.replace(/^[\r\n]+/, "");
  const blankLines = text === "" ? 0 : blankLinesOf(start);
  let [first, second] = recordsOf(text, delimiter, dialect.quote);
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
    [first = [], second] = recordsOf(text, delimiter, dialect.quote);
  }
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
      hint: hint("csv/column", `${didYouMean(missing, names)}its columns are ${names.join(", ")}`, {
        remove: [`columns/${missing}`],
        set: {
          [`columns/${nearest(missing, names) ?? names[0]!}`]: dialect.columns![missing]!,
        },
      }),
    });
  }
  return { file, delimiter, names, blankLines };
}

const isTabbed = ({ name }: SourceFile) => /\.(tsv|tab)(\.gz|\.zst)?$/i.test(name);

/** The start of a file as it is, with two records at least if it has so many. */
async function startOf(
  database: Database,
  { path }: SourceFile,
  delimiter: string,
  quote: string,
): Promise<string> {
  if (!/\.zst$/i.test(path)) {
    const file = createReadStream(path);
    const stream = /\.gz$/i.test(path) ? file.pipe(createGunzip()) : file;
    file.on("error", (error) => stream.destroy(error));
    const decoder = new TextDecoder("utf-8", { fatal: true });
    try {
      let text = "", looked = 0;
      for await (const bytes of stream) {
        text += decoder.decode(bytes, { stream: true });
        if (text.length < 2 * looked) continue;
        looked = text.length;
        // A third record has begun where two have ended.
        if (text.length > maxStart || recordsOf(text, delimiter, quote, 3).length === 3) {
          return text;
        }
      }
      return text + decoder.decode();
    } catch {
      // DuckDB says what is wrong with it.
    } finally {
      file.destroy();
      stream.destroy();
    }
  }
  const rows = await database.rows(
    `FROM read_csv([${literal(path)}], auto_detect = false, header = false, ` +
      "delim = '\\0', quote = '', escape = '', columns = {'line': 'VARCHAR'}) LIMIT 100",
  );
  return rows.map(([line]) => (line as string | null) ?? "").join("\n");
}

/** How many characters have two records in them, as no line has more than 2 MB. */
const maxStart = 2 ** 22;

const blankLinesOf = (text: string) =>
  /^(\r\n|\n|\r)*/.exec(text)![0].match(/\r\n|\n|\r/g)?.length ?? 0;

/** The values of the first records of a text, two by default. */
function recordsOf(text: string, delimiter: string, quote: string, most = 2): string[][] {
  const records: string[][] = [];
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
      if (character === "\r" && text[at + 1] === "\n") at++;
      endRecord();
    } else value += character;
  }
  if (!ended && records.length < most) endRecord();
  return records;
}

/**
 * What stands between values instead, if the first line has but one column and the next one agrees.
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

/** What stands behind FROM: all values as texts, in columns named by their numbers. */
export function tableOf(
  { file, delimiter, names, blankLines }: CsvFile,
  dialect: CsvDialect,
): string {
  const { quote, header, nullValues } = dialect;
  const settings = [
    "auto_detect = false",
    `delim = ${literal(delimiter)}`,
    `quote = ${literal(quote)}`,
    `escape = ${literal(quote)}`,
    `header = ${header}`,
    // DuckDB would take the line after a blank one for rows.
    `skip = ${header ? blankLines : 0}`,
    `nullstr = [${nullValues.map(literal).join(", ")}]`,
    "comment = ''",
    // "" is an empty text, nothing at all a null.
    "allow_quoted_nulls = false",
    `columns = {${names.map((_, index) => `'${index}': 'VARCHAR'`).join(", ")}}`,
  ];
  return `read_csv([${literal(file.path)}], ${settings.join(", ")})`;
}

/**
 * Looks at all values of files, and says what their columns are.
 *
 * @param database Where statements run.
 * @param files The files.
 * @param dialect How they are written.
 * @param asked The columns that will be read; all by default. What is wrong in others does not
 *   matter.
 * @param attempt Says in short what DuckDB could not do.
 * @throws {UserError} If a value is not in the type of its column, with its line.
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
    return { name, given, kinds: own, counts: counts.get(name)!, type };
  });
  const tables = new CsvTables(database, opened, dialect, columns, asked, attempt);
  await tables.refuseMisfits();
  await tables.explainTexts();
  return tables;
}

const placesOf = new WeakMap<readonly string[], ReadonlyMap<string, number>>();

/**
 * At which place a file has a column: a search for each of tens of thousands would take time by the
 * square.
 */
function placeOf({ names }: Pick<CsvFile, "names">, name: string): number {
  let places = placesOf.get(names);
  if (!places) placesOf.set(names, places = new Map(names.map((one, place) => [one, place])));
  return places.get(name) ?? -1;
}

const joined = (kinds: ReadonlyMap<CsvFile, number>) =>
  [...kinds.values()].reduce((all, one) => all | one, 0);

function refuseOtherNames(first: CsvFile, other: CsvFile): void {
  // Files may have tens of thousands of columns.
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
      `all files of a source have the same columns; ${didYouMean(name, names)}its columns are ${
        names.join(", ")
      }`,
      { edit: "the data files" },
    ),
  });
}

interface ColumnTally extends Counts {
  kinds: number;
}

/**
 * The kinds of each column's texts in a file. The first rows say what to expect; what is otherwise
 * is looked at closely.
 */
async function lookThrough(
  database: Database,
  file: CsvFile,
  dialect: CsvDialect,
  names: readonly string[],
): Promise<Map<string, ColumnTally>> {
  const { nullValues } = dialect;
  const table = tableOf(file, dialect);
  const most = Math.ceil(firstValues / file.names.length);
  const index = new Map(file.names.map((name, index) => [name, index]));
  const text = (name: string) => quoted(`${index.get(name)}`);
  // No number is as long, and a line may have a text of 2 MB.
  const starts = names.map((name) => `left(${text(name)}, ${likelyLength})`);
  const firstRows = starts.length === 0 ? [] : await database.rows(
    `SELECT ${starts.join(", ")} FROM ${table} LIMIT ${Math.min(most, 2 ** 11)}`,
  );
  const tallies = new Map<string, ColumnTally>();
  let open: string[] = [];
  for (const [at, name] of names.entries()) {
    const first = firstTally(firstRows, at, nullValues);
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
      ? givenExpression(text(name), type, nullValues)
      : quickExpression(text(name), tallies.get(name)!.kinds);
  });
  const others = open.filter((name) => tallies.get(name)!.kinds & kinds.other);
  await look(others, (name) => kindExpression(text(name), nullValues));
  // Where nothing is read for its types, that all lines are as they should be is looked at all the
  // same.
  if (open.length === 0 && !scanned) await database.firstRow(`SELECT count("0") FROM ${table}`);
  return tallies;
}

/** What the bytes of a column say; undefined if that is not enough. */
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
  nullValues: readonly string[],
): ColumnTally {
  const tally: ColumnTally = { kinds: 0, values: 0, numbers: 0, texts: new Set() };
  for (const row of rows) {
    const text = row[column] as string | null;
    if (text === null) continue;
    const kind = likelyKind(text, nullValues);
    tally.kinds |= kind;
    tally.values++;
    if (kind & countedKinds) tally.numbers++;
    else if (kind !== kinds.blank && tally.texts.size <= maxOddTexts) tally.texts.add(text);
  }
  return tally;
}

/** What is a text already, and mostly no numbers, stays a text whatever the other rows have. */
const settled = ({ kinds: found, numbers, values }: ColumnTally) =>
  (found & kinds.text) !== 0 && 2 * numbers <= values;

/** Text files whose columns have types. */
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
    this.#fields = new Map(columns.map(({ name, type }) => [name, fieldOf(name, type)]));
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

  /** A SELECT that gives all columns under their names, for a query. */
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
      const wider = byName.get(column.name);
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
   * Refuses values that are not in the types of their columns: all columns that are read, each with
   * its first such value.
   */
  async refuseMisfits(): Promise<void> {
    const problems: Problem[] = [];
    for (const column of this.#read()) {
      const problem = await this.#misfit(column);
      if (problem) problems.push(problem);
    }
    if (problems.length > 0) throw new UserError(problems);
  }

  /** What is known of columns of text that are read. */
  get textFacts(): ReadonlyMap<string, TextFacts> {
    return this.#textFacts;
  }

  /** Finds out of columns of text what is no number in them, where most of it is. */
  async explainTexts(): Promise<void> {
    for (const column of this.#read()) {
      if (column.type === "string") this.#textFacts.set(column.name, await this.#factsOf(column));
    }
  }

  async #factsOf(column: CsvColumn): Promise<TextFacts> {
    const { nullValues } = this.#dialect, { name, given, counts: { values, numbers } } = column;
    if (given !== undefined) {
      // Nothing but the start was looked at, and the type has to be given for numbers as well.
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

  #value(file: CsvFile, { name, type, kinds }: CsvColumn): string {
    const text = quoted(`${placeOf(file, name)}`);
    return valueExpression(text, type, kinds.get(file) ?? 0, this.#dialect.nullValues);
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
    if (overflow) {
      return {
        message: `${overflow.where}: ${
          shown(overflow.text)
        } in the column ${name} exceeds the range of float64`,
        hint: hint(
          "csv/overflow",
          `correct the value, or read the column as text with columns: { ${
            yamlKey(name)
          }: string }`,
          [{ edit: "the data file" }, { set: { [`columns/${name}`]: "string" } }],
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
        `to round it, write columns: { ${
          yamlKey(name)
        }: float64 }; to keep its digits, write columns: { ${yamlKey(name)}: string }`,
        ["float64", "string"].map((type) => ({ set: { [`columns/${name}`]: type } })),
      ),
    };
  }

  #givenHint(name: string, given: GivenType, text: string): HintText {
    const nulls = [...this.#dialect.nullValues, text];
    const number = /^[+-]?[0-9]*\.?[0-9]+([eE][+-]?[0-9]+)?$/.test(text);
    const other = /int/.test(given) && number ? "float64" : "string";
    return hint(
      "csv/type",
      `correct the value, or write columns: { ${
        yamlKey(name)
      }: ${other} }, or if it represents a null: ` +
        `nullValues: [${nulls.map((text) => JSON.stringify(text)).join(", ")}]`,
      [
        { edit: "the data file" },
        { set: { [`columns/${name}`]: other } },
        { set: { nullValues: nulls } },
      ],
    );
  }

  /** The first text of one of some kinds, and its line. */
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
   * The texts of some kinds, each with its first row, in the order of these: some more than a
   * message names.
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
    const text = quoted(`${placeOf(file, name)}`);
    const { nullValues } = this.#dialect;
    const given = givenType(this.#dialect, name);
    const kind = given
      ? givenExpression(text, given, nullValues)
      : kindExpression(text, nullValues);
    const rows = await this.#attempt(file.file, () =>
      this.#database.rows(
        `SELECT ${list} FROM (SELECT row, t, ${kind.replaceAll(text, "t")} AS k FROM ` +
          `(SELECT row_number() OVER () - 1 AS row, ${text} AS t FROM ${
            tableOf(file, this.#dialect)
          })) WHERE ${condition}`,
      ));
    return rows.map(([row, text]) => ({ row: Number(row), text: text as string }));
  }
}

function fieldOf(name: string, type: GivenType | FoundType): Field {
  return new Field(name, arrowTypes[type](), true);
}

const isOf = ({ type }: Field, found: FoundType) => String(arrowTypes[found]()) === String(type);

/** The types that a column can turn out to have. */
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
 * The type of a column that was not given one, if values of it can be read as what is asked for.
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
