/**
 * Finds columns of Parquet files whose values DuckDB would change silently.
 *
 * @module
 */

import { hint, type HintText, UserError } from "../../plugin.ts";
import { arrowBeside, refuseManyColumns } from "./hints.ts";
import { type Database, pathLiteral } from "./duckdb.ts";
import type { SourceFile } from "./files.ts";

/** A column that Rocket refuses to read because DuckDB would change its values. */
export interface ChangedColumn {
  /** Name of the column. */
  readonly name: string;
  /** Error message. */
  readonly message: string;
  /** Hint that says how to rewrite the file so that the values are read exactly. */
  readonly hint: HintText;
}

/** An element of a Parquet schema. The schema is a tree, stored as a list in depth-first order. */
interface Element {
  readonly name: string;
  readonly type: string | null;
  readonly children: number;
  readonly precision: number | null;
  readonly scale: number | null;
  readonly logical: string | null;
}

/**
 * Maximum number of digits of a DuckDB decimal. DuckDB converts larger decimals to float64, often
 * with wrong results.
 */
const maxDigits = 38;

/** The names of the fields of a struct in a column, which may be in a list or in another struct. */
export interface FieldNames {
  /** Name of the column. */
  readonly column: string;
  /** Names of the fields. */
  readonly names: readonly string[];
}

/** Column names of a Parquet file, and the columns that DuckDB would change. */
export interface ParquetSchema {
  /**
   * Column names, in file order. DuckDB treats names that differ only in case as equal and renames
   * the second one: for `A` and `a` it uses `a_1`, which can be the name of another column.
   */
  readonly names: readonly string[];
  /** Names of the fields of each struct in the columns, by column. */
  readonly groups: readonly FieldNames[];
  /**
   * Columns whose values DuckDB would change, by name: decimals with more than 38 digits, and
   * nanosecond timestamps, which it truncates to microseconds. A column also counts if such values
   * are in its lists or structs.
   */
  readonly changed: ReadonlyMap<string, ChangedColumn>;
}

/**
 * Reads the column names of a file from its Parquet schema, and finds the columns that DuckDB would
 * change.
 *
 * @param database A database that has permission to read the file.
 * @param file The file.
 * @returns The names and the changed columns.
 * @throws {UserError} If the file has too many columns, or a column whose name DuckDB cannot read.
 */
export async function describeSchema(
  database: Database,
  file: SourceFile,
): Promise<ParquetSchema> {
  const [root, ...elements] = await schemaOf(database, file);
  refuseManyColumns(file.name, root?.children ?? 0);
  const names: string[] = [], changed = new Map<string, ChangedColumn>();
  const groups: FieldNames[] = [];
  let spark: Promise<boolean> | undefined;
  for (let at = 0; names.length < (root?.children ?? 0);) {
    const end = endOf(elements, at), { name } = elements[at]!;
    if (name.includes("\0")) {
      throw new UserError(
        `the column ${
          JSON.stringify(name)
        } of ${file.name} has the character U+0000 in its name, where DuckDB cuts the name off`,
        { hint: hint("parquet/nul", "rename the column in the file", { edit: "the data file" }) },
      );
    }
    names.push(name);
    for (let group = at; group < end; group++) {
      const fields = fieldsOf(elements, group);
      if (fields.length > 1) groups.push({ column: name, names: fields });
    }
    for (const element of elements.slice(at, end)) {
      const change = changeOf(element);
      // Spark writes its timestamps as INT96 by default, but they have only microseconds.
      if (change?.type === "INT96" && await (spark ??= isOfSpark(database, file))) continue;
      if (!change) continue;
      if (changed.has(name)) break;
      const { type, why } = change;
      changed.set(name, {
        name,
        message:
          `the column ${name} of ${file.name} contains values whose type ${type} cannot be read: ${why}`,
        hint: rewrite(file.name),
      });
      break;
    }
    at = end;
  }
  return { names, groups, changed };
}

/**
 * Returns the hint for a Parquet file that DuckDB cannot read and pyarrow can.
 *
 * @param name Path of the file as written in the pipeline file.
 * @returns A hint to rewrite the file as an Arrow file.
 */
export function rewrite(name: string): HintText {
  const other = arrowBeside(name);
  return hint(
    "parquet/rewrite",
    `rewrite the file in Python, and read the new file with { use: arrow, path: ${other} }: ` +
      `pyarrow.feather.write_feather(pyarrow.parquet.read_table("${name}"), "${other}", ` +
      'compression="uncompressed")',
    { edit: "the data file" },
  );
}

/**
 * Returns the hint for a Parquet file with encodings that DuckDB does not support. pyarrow reads
 * most encodings, and its default encodings are supported everywhere.
 *
 * @param name Path of the file as written in the pipeline file; undefined if it is unknown.
 * @returns A hint to rewrite the file with pyarrow.
 */
export function encodings(name: string | undefined): HintText {
  const path = name === undefined ? "FILE" : JSON.stringify(name);
  return hint(
    "parquet/encoding",
    `write it again with pyarrow's default encodings: pyarrow.parquet.write_table(pyarrow.parquet.read_table(${path}), ${path})`,
    { edit: "the data file" },
  );
}

async function schemaOf(database: Database, { path }: SourceFile): Promise<Element[]> {
  const rows = await database.rows(
    "SELECT name, type, coalesce(num_children, 0), precision, scale, logical_type " +
      `FROM parquet_schema(${pathLiteral(path)})`,
  );
  return rows.map(([name, type, children, precision, scale, logical]) => ({
    name: name as string,
    type: type as string | null,
    children: Number(children),
    precision: precision === null ? null : Number(precision),
    scale: scale === null ? null : Number(scale),
    logical: logical as string | null,
  }));
}

/** Returns the index after an element and all its descendants. */
function endOf(elements: readonly Element[], start: number): number {
  let at = start;
  for (let open = 1; open > 0 && at < elements.length; at++) open += elements[at]!.children - 1;
  return at;
}

/** Returns the names of the elements that an element contains directly. */
function fieldsOf(elements: readonly Element[], group: number): string[] {
  const names: string[] = [];
  for (let at = group + 1; names.length < elements[group]!.children;) {
    const field = elements[at];
    if (field === undefined) break;
    names.push(field.name);
    at = endOf(elements, at);
  }
  return names;
}

/**
 * Returns the type whose values DuckDB would change, and the reason; undefined if it reads them
 * exactly.
 */
function changeOf({ type, precision, scale, logical }: Element):
  | { type: string; why: string }
  | undefined {
  if (precision !== null && precision > maxDigits) {
    return {
      type: `DECIMAL(${precision},${scale ?? 0})`,
      why: `numbers may have more than ${maxDigits} digits`,
    };
  }
  const why = "DuckDB would cut nanoseconds off at microseconds";
  if (type === "INT96") return { type, why };
  const zoned = /^TimestampType\(isAdjustedToUTC=1,.*NANOS=NanoSeconds/.test(logical ?? "");
  return zoned ? { type: "TIMESTAMP with a time zone and nanoseconds", why } : undefined;
}

async function isOfSpark(database: Database, { path }: SourceFile): Promise<boolean> {
  const [row] = await database.rows(
    `SELECT count(*) FROM parquet_kv_metadata(${pathLiteral(path)}) ` +
      "WHERE starts_with(decode(key), 'org.apache.spark.')",
  );
  return Number(row?.[0]) > 0;
}
