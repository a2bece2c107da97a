/**
 * Names that SQL does not distinguish.
 *
 * @module
 */

import { hint, UserError } from "../../plugin.ts";
import type { SourceFile } from "./files.ts";
import type { FieldNames } from "./parquet_types.ts";

/**
 * Refuses a file as a table of a query if two of its columns, or two fields of a struct, have the
 * same name, or names that differ only in case. DuckDB gives the second one another name. A query
 * that names it, in any of the many places where SQL names a column, would read the first one
 * instead.
 *
 * @param table Name of the table in the query.
 * @param file A file of the table.
 * @param columns The names of its columns, those of the fields of structs in them, and the source
 *   that reads such a file without SQL.
 * @throws {UserError} If two names differ only in case.
 */
export function refuseAlike(
  table: string,
  { name: file }: SourceFile,
  { use, names, groups = [] }: {
    readonly use: "csv" | "parquet";
    readonly names: readonly string[];
    readonly groups?: readonly FieldNames[];
  },
): void {
  const columns = alikeIn(names);
  if (columns) {
    throw refusal(
      `the table ${table} has two columns ${columns}`,
      `rename one of the columns in ${file}, or read the file without SQL, with ` +
        `{ use: ${use}, path: ${file} }`,
    );
  }
  for (const { column, names: fields } of groups) {
    const alike = alikeIn(fields);
    if (!alike) continue;
    throw refusal(
      `the column ${JSON.stringify(column)} of the table ${table} has two fields ${alike}`,
      `rename one of the fields in ${file}`,
    );
  }
}

function refusal(what: string, advice: string): UserError {
  return new UserError(`${what}, but SQL does not distinguish names that differ only in case`, {
    hint: hint("sql/alike", advice, { edit: "the data file" }),
  });
}

/**
 * Finds two names that are equal, or differ only in the case of ASCII letters, as DuckDB compares
 * them.
 */
function alikeIn(names: readonly string[]): string | undefined {
  const seen = new Map<string, string>();
  for (const name of names) {
    const key = name.replace(/[A-Z]/g, (letter) => letter.toLowerCase()), first = seen.get(key);
    if (first !== undefined) {
      return `${JSON.stringify(first)} and ${JSON.stringify(name)}`;
    }
    seen.set(key, name);
  }
  return undefined;
}
