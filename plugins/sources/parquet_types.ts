/**
 * Columns of Parquet files whose values DuckDB changes without a word.
 *
 * @module
 */

import { hint, type HintText } from "../../plugin.ts";
import { arrowBeside, refuseManyColumns } from "./hints.ts";
import { type Database, literal } from "./duckdb.ts";
import type { SourceFile } from "./files.ts";

/** A column that is not to be read, as its values would be others. */
export interface ChangedColumn {
  /** The column's name. */
  readonly name: string;
  /** What is wrong. */
  readonly message: string;
  /** How the file can be read without a change. */
  readonly hint: HintText;
}

/** An element of a Parquet file's schema, which is a tree that is written from its root on. */
interface Element {
  readonly name: string;
  readonly type: string | null;
  readonly children: number;
  readonly precision: number | null;
  readonly scale: number | null;
  readonly logical: string | null;
}

/**
 * A decimal of more digits has no type in DuckDB; it makes doubles of its bytes, often of the wrong
 * ones.
 */
const maxDigits = 38;

/** What a file says of its columns. */
export interface ParquetSchema {
  /**
   * The columns' names, in their order. DuckDB takes names that differ in case for one, and calls
   * the second of `A` and `a` `a_1`, which another column may be called as well.
   */
  readonly names: readonly string[];
  /**
   * The columns by name whose values DuckDB changes: decimals of more than 38 digits, and times of
   * nanoseconds that it cuts off at microseconds. Columns in lists and structs count.
   */
  readonly changed: ReadonlyMap<string, ChangedColumn>;
}

/**
 * Reads the columns of a file from its schema.
 *
 * @param database The database, which may read the file.
 * @param file The file.
 * @throws {UserError} If it has too many columns.
 */
export async function describeSchema(
  database: Database,
  file: SourceFile,
): Promise<ParquetSchema> {
  const [root, ...elements] = await schemaOf(database, file);
  refuseManyColumns(file.name, root?.children ?? 0);
  const names: string[] = [], changed = new Map<string, ChangedColumn>();
  let spark: Promise<boolean> | undefined;
  for (let at = 0; names.length < (root?.children ?? 0);) {
    const end = endOf(elements, at), { name } = elements[at]!;
    names.push(name);
    for (const element of elements.slice(at, end)) {
      const change = changeOf(element);
      // Spark's timestamps have microseconds, and it writes them in this type by default.
      if (change?.type === "INT96" && await (spark ??= isOfSpark(database, file))) continue;
      if (!change) continue;
      if (changed.has(name)) break;
      const { type, why } = change;
      changed.set(name, {
        name,
        message: `${type} cannot be read: in the column ${name} of ${file.name}, ${why}`,
        hint: rewrite(file.name),
      });
      break;
    }
    at = end;
  }
  return { names, changed };
}

/**
 * What to do about a Parquet file that pyarrow can read.
 *
 * @param name The file, as the pipeline names it.
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
 * What to do about a Parquet file whose values are written in a way that DuckDB does not know:
 * pyarrow reads most ways, and writes ones that all programs know by default.
 *
 * @param name The file, as the pipeline names it, where it is known.
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
      `FROM parquet_schema(${literal(path)})`,
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

/** The element after an element and all within it. */
function endOf(elements: readonly Element[], start: number): number {
  let at = start;
  for (let open = 1; open > 0 && at < elements.length; at++) open += elements[at]!.children - 1;
  return at;
}

/** What would be changed, and why. */
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
    `SELECT count(*) FROM parquet_kv_metadata(${literal(path)}) ` +
      "WHERE starts_with(decode(key), 'org.apache.spark.')",
  );
  return Number(row?.[0]) > 0;
}
