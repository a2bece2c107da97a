/**
 * Combines several Parquet files into one table of a query. DuckDB would give all files the types
 * of the first file, and round values that these types cannot represent. Instead, each column gets
 * the narrowest type that represents the values of all files.
 *
 * @module
 */

import { type DataType, Field, Null } from "apache-arrow";
import { commonType, hint, UserError } from "../../plugin.ts";
import { type DuckColumn, literal, pathLiteral, quoted } from "./duckdb.ts";
import type { Refusal } from "./duckdb_errors.ts";
import type { SourceFile } from "./files.ts";
import { partitionFields } from "./hive.ts";

/** A Parquet file and its columns. */
export interface ParquetFile {
  readonly file: SourceFile;
  readonly columns: readonly DuckColumn[];
  /**
   * Returns those of the named columns in which all rows are null. Called only for columns whose
   * types differ between files.
   */
  readonly withoutValues: (names: readonly string[]) => Promise<ReadonlySet<string>>;
}

/** Several files combined into one table. */
export interface JoinedFiles {
  /** SQL expression to use after FROM. */
  readonly from: string;
  /** DuckDB type of each column, by column name. */
  readonly columns: ReadonlyMap<string, string>;
  /** Errors of queries that read a value which the common type cannot represent. */
  readonly refusals: readonly Refusal[];
}

/**
 * Returns a SQL expression that reads Parquet files with identical columns.
 *
 * @param files The files.
 * @returns A call of DuckDB's `read_parquet`.
 */
export function readParquet(files: readonly SourceFile[]): string {
  const paths = files.map(({ path }) => pathLiteral(path)).join(", ");
  // Rocket itself reads partition values from folder names, in the same way for all sources.
  return `read_parquet([${paths}], hive_partitioning = false)`;
}

/** A column of the combined table. */
interface JoinedColumn {
  readonly name: string;
  /** DuckDB type of the column. */
  readonly type: string;
  /** Whether the types differ between files, so that values are cast. */
  readonly cast: boolean;
  /** Files in which all rows of the column are null; empty if the types of all files are equal. */
  readonly withoutValues: ReadonlySet<SourceFile>;
}

/**
 * Combines files into one table. Rows keep the order of the files.
 *
 * @param files The files; at least one.
 * @returns The table: its SQL expression, column types, and possible errors.
 * @throws {UserError} If the column names of a file differ from the first file, or the types of a
 *   column have no common type.
 */
export async function joinParquet(files: readonly ParquetFile[]): Promise<JoinedFiles> {
  const [first, ...others] = files as readonly [ParquetFile, ...ParquetFile[]];
  for (const other of others) refuseOtherNames(first, other);
  const columns: JoinedColumn[] = [];
  const byName = files.map(({ file, columns, withoutValues }) => ({
    file,
    columns: new Map(columns.map((column) => [column.name, column])),
    withoutValues,
  }));
  for (const { name } of first.columns) columns.push(await joinColumn(name, byName));
  const partitions = partitionFields(files.map(({ file, columns }) => ({
    ...file,
    fields: columns.map(({ name, arrow }) => new Field(name, arrow ?? new Null())),
  })));
  const types = new Map(columns.map(({ name, type }) => [name, type]));
  const casts = columns.filter(({ cast }) => cast);
  if (casts.length === 0 && partitions.length === 0) {
    return { from: readParquet(files.map(({ file }) => file)), columns: types, refusals: [] };
  }
  const refusals: Refusal[] = [];
  const parts = byName.map(({ file, columns: own }) => {
    const list = columns.map((column) => {
      const found = own.get(column.name)!;
      const { expression, refusal } = castOf(file, found, column);
      if (refusal) refusals.push(refusal);
      return `${expression} AS ${quoted(column.name)}`;
    });
    for (const { name, type } of partitions) {
      const text = file.partitions.get(name) ?? null;
      const value = text === null ? "NULL" : literal(text);
      list.push(`CAST(${value} AS ${partitionType(type)}) AS ${quoted(name)}`);
    }
    return `SELECT ${list.join(", ")} FROM ${readParquet([file])}`;
  });
  return { from: `(${parts.join(" UNION ALL ")})`, columns: types, refusals };
}

const partitionType = (type: DataType) =>
  String(type) === "Int64" ? "BIGINT" : String(type).startsWith("Date") ? "DATE" : "VARCHAR";

/** A file with its columns by name, because a file can have tens of thousands of columns. */
interface IndexedFile extends Omit<ParquetFile, "columns"> {
  readonly columns: ReadonlyMap<string, DuckColumn>;
}

async function joinColumn(name: string, files: readonly IndexedFile[]): Promise<JoinedColumn> {
  const found = files.map(({ file, columns }) => ({
    file,
    column: columns.get(name)!,
  }));
  const isOther = ({ column }: typeof found[0]) =>
    String(column.type) !== String(found[0]!.column.type);
  const withoutValues = new Set<SourceFile>();
  if (found.some(isOther)) {
    for (const { file, withoutValues: among } of files) {
      if ((await among([name])).has(name)) withoutValues.add(file);
    }
  }
  const counted = found.filter(({ file }) => !withoutValues.has(file));
  const [first, ...others] = counted.length > 0 ? counted : found.slice(0, 1);
  const { type, arrow } = first!.column;
  let common = arrow;
  for (const { file, column } of others) {
    if (String(column.type) === String(type)) continue;
    common = common && column.arrow && commonType(common, column.arrow);
    // DuckDB has no cast that reports changed numbers in lists.
    if (common && !isNested(common)) continue;
    throw differs(name, first!.file, String(type), file, String(column.type));
  }
  const wider = others.some(({ column }) => String(column.type) !== String(type));
  return {
    name,
    type: wider ? duckdbType(common!) : String(type),
    cast: found.some(isOther),
    withoutValues,
  };
}

const isNested = ({ children }: DataType) => (children?.length ?? 0) > 0;

/** Returns the DuckDB type for a common Arrow type. */
function duckdbType(type: DataType): string {
  const [, unsigned, bits] = /^(U?)[Ii]nt(\d+)$/.exec(String(type)) ?? [];
  if (bits !== undefined) {
    const name = { 8: "TINYINT", 16: "SMALLINT", 32: "INTEGER", 64: "BIGINT" }[Number(bits)]!;
    return unsigned ? `U${name}` : name;
  }
  const [, , unit, zone] = /^(Timestamp)<(\w+)(?:, (.*))?>$/.exec(String(type)) ?? [];
  if (unit !== undefined) {
    if (zone !== undefined) return "TIMESTAMPTZ";
    return {
      SECOND: "TIMESTAMP_S",
      MILLISECOND: "TIMESTAMP_MS",
      MICROSECOND: "TIMESTAMP",
      NANOSECOND: "TIMESTAMP_NS",
    }[unit]!;
  }
  return { Float16: "FLOAT", Float32: "FLOAT", Float64: "DOUBLE" }[String(type)] ?? "VARCHAR";
}

/**
 * Returns the SQL expression that casts a column of a file to the common type. The query fails on
 * an integer that the common floating-point type cannot represent exactly.
 */
function castOf(
  file: SourceFile,
  { name, type }: DuckColumn,
  joined: JoinedColumn,
): { expression: string; refusal?: Refusal } {
  const x = quoted(name);
  if (String(type) === joined.type) return { expression: x };
  if (joined.withoutValues.has(file)) return { expression: `CAST(NULL AS ${joined.type})` };
  const expression = `CAST(${x} AS ${joined.type})`;
  if (!/INT/.test(String(type)) || !/^(FLOAT|DOUBLE)$/.test(joined.type)) return { expression };
  const message =
    `the column ${name} of ${file.name} has a whole number that ${joined.type}, its type in another file, cannot represent exactly`;
  return {
    expression: `CASE WHEN CAST(${expression} AS HUGEINT) <> ${x} THEN ` +
      `CAST(error(${literal(message)}) AS ${joined.type}) ELSE ${expression} END`,
    refusal: {
      message,
      hint: hint(
        "sql/inexact",
        `list the files as separate tables, and combine them with UNION ALL and CAST(${x} AS ${joined.type}) for the nearest numbers`,
        { edit: "the tables and the query" },
      ),
    },
  };
}

function refuseOtherNames(first: ParquetFile, other: ParquetFile): void {
  const names = ({ columns }: ParquetFile) => columns.map(({ name }) => name);
  const ofFirst = new Set(names(first)), ofOther = new Set(names(other));
  const missing = names(first).find((name) => !ofOther.has(name));
  const more = names(other).find((name) => !ofFirst.has(name));
  if (missing === undefined && more === undefined) return;
  const name = missing ?? more!;
  const typeIn = ({ columns }: ParquetFile) => {
    const column = columns.find((it) => it.name === name);
    return column && String(column.type);
  };
  throw differs(name, first.file, typeIn(first), other.file, typeIn(other));
}

function differs(
  column: string,
  first: SourceFile,
  before: string | undefined,
  file: SourceFile,
  now: string | undefined,
): UserError {
  const what = ({ name }: SourceFile, type: string | undefined) =>
    type === undefined ? `${name} has no such column` : `${type} in ${name}`;
  return new UserError(
    `the column ${column} differs between files: ${what(first, before)}, ${what(file, now)}`,
    {
      hint: hint("sql/columns", "write all files of a table with the same columns and types", {
        edit: "the data files",
      }),
    },
  );
}
