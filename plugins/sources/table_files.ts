import type { RecordBatch, Schema } from "apache-arrow";
import { type Dataset, type OpenRequest, UserError } from "../../plugin.ts";
import {
  batchRows,
  Database,
  type DuckColumn,
  schemaOf,
  selectColumns,
  type Selection,
} from "./duckdb.ts";
import { explain, type StatementSubject } from "./duckdb_errors.ts";
import { fileFingerprints, joinFingerprints, locateRow, type SourceFile } from "./files.ts";
import type { ChangedColumn } from "./parquet_types.ts";

/** How files of a format are read with DuckDB, one after the other. */
export interface TableFormat {
  /** What stands behind FROM for a file. The columns are those of the first file, once it is open. */
  table(file: SourceFile, columns?: readonly DuckColumn[]): string;
  /**
   * Rows of a file by number, from the first to the one before the last; absent where only all rows can
   * be read.
   */
  readonly range?: {
    /** What stands behind FROM, WHERE included. */
    table(file: SourceFile, first: number, last: number): string;
    /** A statement that gives how many rows a file has. */
    count(file: SourceFile): string;
  };
  /** The columns of a file whose values DuckDB would change; none by default. */
  changedColumns?(database: Database, file: SourceFile): Promise<readonly ChangedColumn[]>;
  /** The names of a file's columns, in their order, where DuckDB may call them otherwise. */
  columnNames?(database: Database, file: SourceFile): Promise<readonly string[]>;
  /** Refuses a file before DuckDB is asked. */
  refuse?(file: SourceFile): Promise<void>;
  /** Refuses a file that was read to its end for the first time. */
  refuseRead?(file: SourceFile): Promise<void>;
  /** What an error in a statement was about. */
  subject?(file: SourceFile): StatementSubject;
  /** Looks more closely at a file that could not be opened; it may throw something better. */
  inspect?(
    database: Database,
    file: SourceFile,
    columns?: readonly DuckColumn[],
  ): Promise<void>;
}

/** What is wanted of files. */
export interface TableRequest extends OpenRequest {
  /** How many rows a record batch has; some megabytes by default. */
  readonly batchRows?: number | undefined;
}

/**
 * Opens files of one schema as a data set: their rows in the order of the files. Record batches have the
 * same rows whichever columns are asked for, and do not reach from one file into the next.
 *
 * @param files The files.
 * @param format How they are read.
 * @param request What is wanted.
 * @throws {UserError} If a file cannot be read, or has other columns than the first.
 */
export async function openTableFiles(
  files: readonly SourceFile[],
  format: TableFormat,
  { columns: asked, batchRows: wanted }: TableRequest,
): Promise<Dataset> {
  const database = await Database.open({ files: files.map(({ path }) => path) });
  const attempt = async <T>(file: SourceFile, action: () => Promise<T>): Promise<T> => {
    try {
      return await action();
    } catch (error) {
      throw explain(error, format.subject?.(file) ?? { file: file.name });
    }
  };
  try {
    for (const file of files) await format.refuse?.(file);
    const columns = await describeAll(database, files, format, attempt);
    const schema = schemaOf(columns);
    const selection = selectColumns(columns, schema, asked);
    const rows = wanted ?? batchRows(schema);
    const unread = new Set(files);
    /** How many rows of each file were read so far: those of text are not known before. */
    const counted = new Map<string, number>();
    const recordBatches = async function* () {
      for (const file of files) {
        let read = 0;
        const sql = `SELECT ${selection.list} FROM ${format.table(file, columns)}`;
        const batches = database.recordBatches(sql, selection.schema, rows);
        try {
          for (;;) {
            const next = await attempt(file, () => batches.next());
            if (next.done) break;
            read += next.value.numRows;
            counted.set(file.name, Math.max(read, counted.get(file.name) ?? 0));
            yield next.value;
          }
        } finally {
          await batches.return(undefined);
        }
        if (read === 0) counted.set(file.name, 0);
        if (unread.delete(file)) await format.refuseRead?.(file);
      }
    };
    return {
      schema,
      fingerprint: joinFingerprints(await fileFingerprints(files)),
      recordBatches,
      locate: (row) => locateRow(counted, row),
      ...await randomAccess(database, files, format, selection, rows, attempt),
      close: () => Promise.resolve(database.close()),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

type Attempt = <T>(file: SourceFile, action: () => Promise<T>) => Promise<T>;

async function describeAll(
  database: Database,
  files: readonly SourceFile[],
  format: TableFormat,
  attempt: Attempt,
): Promise<DuckColumn[]> {
  let first: { file: SourceFile; columns: DuckColumn[] } | undefined;
  const refusals = new Map<string, ChangedColumn>();
  for (const file of files) {
    const columns = await attempt(file, async () => {
      try {
        const found = await database.columns(`FROM ${format.table(file, first?.columns)}`);
        const names = await format.columnNames?.(database, file) ?? [];
        return found.map((column, index) => {
          const name = names.length === found.length ? names[index]! : column.name;
          return name === column.name ? column : { ...column, name, sql: column.name };
        });
      } catch (error) {
        await format.inspect?.(database, file, first?.columns);
        throw error;
      }
    });
    if (first) refuseOthers(first.file, first.columns, file, columns);
    else first = { file, columns };
    const changed = await attempt(file, async () => await format.changedColumns?.(database, file));
    for (const column of changed ?? []) {
      if (!refusals.has(column.name)) refusals.set(column.name, column);
    }
  }
  return first!.columns.map((column) => {
    const refusal = refusals.get(column.name);
    return refusal ? { ...column, refusal } : column;
  });
}

/**
 * Refuses a file that has other columns than the first, or columns of other types.
 *
 * @param first The first file.
 * @param expected Its columns.
 * @param file Another file.
 * @param found Its columns.
 * @throws {UserError} If they differ.
 */
export function refuseOthers(
  first: SourceFile,
  expected: readonly DuckColumn[],
  file: SourceFile,
  found: readonly DuckColumn[],
): void {
  refuseOtherCases(first, expected, file, found);
  const types = (columns: readonly DuckColumn[]) =>
    new Map(columns.map(({ name, type }) => [name, String(type)]));
  const [before, now] = [types(expected), types(found)];
  for (const column of new Set([...before.keys(), ...now.keys()])) {
    if (before.get(column) === now.get(column)) continue;
    const what = ({ name }: SourceFile, type: string | undefined) =>
      type === undefined ? `${name} has no such column` : `${type} in ${name}`;
    throw new UserError(
      `the column ${column} differs: ${what(first, before.get(column))}, ${
        what(file, now.get(column))
      }`,
      { hint: "all files of a source have the same columns" },
    );
  }
}

/** Where names differ in case alone, their order decides what DuckDB calls them: it has to be that of the first file. */
function refuseOtherCases(
  first: SourceFile,
  expected: readonly DuckColumn[],
  file: SourceFile,
  found: readonly DuckColumn[],
): void {
  for (const { name, sql = name } of expected) {
    const same = found.find((column) => column.name === name);
    if (!same || (same.sql ?? name) === sql) continue;
    throw new UserError(
      `${first.name} and ${file.name} have the columns whose names differ in case alone, such as ${name}, in another order`,
      {
        hint:
          "give them names that differ in more, or write all files with the columns in one order",
      },
    );
  }
}

/** Record batches by number, where the format has rows by number. */
async function randomAccess(
  database: Database,
  files: readonly SourceFile[],
  { range }: TableFormat,
  { list, schema }: Selection,
  rows: number,
  attempt: Attempt,
): Promise<Pick<Dataset, "recordBatch" | "rowCounts" | "locate">> {
  if (!range) return {};
  const parts: { file: SourceFile; first: number; last: number }[] = [];
  for (const file of files) {
    const [count] = await attempt(file, () => database.firstRow(range.count(file)));
    for (let first = 0; first < Number(count); first += rows) {
      parts.push({ file, first, last: Math.min(first + rows, Number(count)) });
    }
  }
  const counted = Map.groupBy(parts, ({ file }) => file.name).entries().map(([name, parts]) =>
    [name, parts.reduce((sum, { first, last }) => sum + last - first, 0)] as const
  ).toArray();
  return {
    locate: (row) => locateRow(counted, row),
    rowCounts: parts.map(({ first, last }) => last - first),
    recordBatch: async (index) => {
      const part = parts[index];
      if (!part) throw new RangeError(`no record batch ${index} among ${parts.length}`);
      const { file, first, last } = part;
      const sql = `SELECT ${list} FROM ${range.table(file, first, last)}`;
      return await attempt(file, () => onlyBatch(database, sql, schema, last - first));
    },
  };
}

async function onlyBatch(
  database: Database,
  sql: string,
  schema: Schema,
  rows: number,
): Promise<RecordBatch> {
  for await (const batch of database.recordBatches(sql, schema, rows)) {
    if (batch.numRows === rows) return batch;
  }
  throw new UserError("the file has fewer rows than before", {
    hint: "do not write to files that a run reads",
  });
}
