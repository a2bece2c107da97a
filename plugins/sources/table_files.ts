import { type Field, type RecordBatch, Schema } from "apache-arrow";
import { type Dataset, type OpenRequest, type TextFacts, UserError } from "../../plugin.ts";
import { conform } from "./conform.ts";
import { batchRows, Database, noColumns } from "./duckdb.ts";
import { explain, type StatementSubject } from "./duckdb_errors.ts";
import { leaveAlone } from "./hints.ts";
import { fileFingerprints, joinFingerprints, locateRow, type SourceFile } from "./files.ts";

/** Reads the files of one format with DuckDB, one file after another. */
export interface TableFormat {
  /** Checks a file before DuckDB opens it. */
  refuse?(file: SourceFile): Promise<void>;
  /** Checks a file after it was read completely for the first time. */
  refuseRead?(file: SourceFile): Promise<void>;
  /** Frees what the files need, after the database was closed. */
  close?(): Promise<void>;
  /** Returns what a statement reads, for messages about its errors; by default the file's name. */
  subject?(file: SourceFile): StatementSubject;
  /**
   * Explains a DuckDB error that needs another look at the file. Returns undefined for all other
   * errors.
   */
  explain?(database: Database, file: SourceFile, error: unknown): Promise<UserError | undefined>;
  /**
   * Determines the common columns of all files.
   *
   * @param database Database that runs the statements.
   * @param files The files.
   * @param request The requested columns and the batch size.
   * @param attempt Runs an action on a file and converts DuckDB's errors.
   * @returns The columns, and the statements that read them.
   */
  describe(
    database: Database,
    files: readonly SourceFile[],
    request: TableRequest,
    attempt: Attempt,
  ): Promise<Tables>;
}

/** The columns that several files have in common, and the SQL statements that read them. */
export interface Tables {
  /** All columns. */
  readonly schema: Schema;
  /**
   * Returns the statement that reads columns of a file.
   *
   * @param file The file.
   * @param names Names of the requested columns; all columns by default.
   * @param range Range of rows to read, from `first` up to but not including `last`; all rows by
   *   default.
   * @throws {UserError} If a requested column cannot be read.
   */
  statement(
    file: SourceFile,
    names: readonly string[] | undefined,
    range?: { readonly first: number; readonly last: number },
  ): Statement;
  /** Number of rows of each file; absent if the format does not support random access. */
  readonly rowCounts?: ReadonlyMap<SourceFile, number> | undefined;
  /** Number of rows of the groups in which a file stores its rows; absent without groups. */
  readonly groupRows?: number | undefined;
  /**
   * Returns the line of a text file on which a row starts. Synchronous; returns undefined for
   * compressed files.
   */
  line?(file: SourceFile, row: number): number | undefined;
  /** Facts about the texts of each column, for formats without types. */
  readonly textFacts?: ReadonlyMap<string, TextFacts> | undefined;
  /**
   * Returns those of the named columns in which all rows of all files are null. Absent if the types
   * are inferred from the values.
   */
  withoutValues?(names: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * Returns the same tables with wider column types. A column that cannot have the wider type keeps
   * its type.
   */
  widen(fields: readonly Field[]): Promise<Tables>;
}

/** A SELECT statement and the columns of its result. */
export interface Statement {
  readonly sql: string;
  readonly schema: Schema;
}

/** Runs an action on a file, and converts DuckDB's errors to short messages. */
export type Attempt = <T>(file: SourceFile, action: () => Promise<T>) => Promise<T>;

/** The columns to read from data files, and the number of rows per record batch. */
export interface TableRequest extends OpenRequest {
  /** Number of rows per record batch; by default, as many as fit into 4 to 16 MB. */
  readonly batchRows?: number | undefined;
}

/** How many times as many rows as usual a record batch may have to consist of a whole row group. */
const MOST_LARGER = 4;

/**
 * Returns a number of rows per record batch with which record batches consist of whole row groups, or
 * of equal parts of one. To read a record batch, all row groups that contain rows of it are decoded.
 *
 * @param rows The usual number of rows.
 * @param group The number of rows of a row group; undefined without row groups.
 * @returns The usual number if there is no such number near it.
 */
export function wholeGroups(rows: number, group: number | undefined): number {
  if (group === undefined || group < 1) return rows;
  if (group <= rows) return group * Math.floor(rows / group);
  if (group <= MOST_LARGER * rows) return group;
  const least = Math.ceil(group / rows);
  for (let parts = least; parts <= MOST_LARGER * least; parts++) {
    if (group % parts === 0) return group / parts;
  }
  return rows;
}

/**
 * Opens files as one dataset, with the rows in the order of the files. The boundaries of record
 * batches do not depend on the requested columns, and no record batch spans two files.
 *
 * @param files The files.
 * @param format Format of the files.
 * @param request The requested columns and the batch size.
 * @returns The dataset. Close it to close its database.
 * @throws {UserError} If a file cannot be read, or its columns do not fit those of the first file.
 */
export async function openTableFiles(
  files: readonly SourceFile[],
  format: TableFormat,
  request: TableRequest,
): Promise<Dataset> {
  const database = await Database.open({ files: files.map(({ path }) => path) });
  const attempt: Attempt = async (file, action) => {
    try {
      return await action();
    } catch (error) {
      throw await format.explain?.(database, file, error) ??
        explain(error, format.subject?.(file) ?? { file: file.name });
    }
  };
  try {
    for (const file of files) await format.refuse?.(file);
    const tables = await format.describe(database, files, request, attempt);
    const fingerprint = request.fingerprint === false
      ? ""
      : joinFingerprints(await fileFingerprints(files));
    const rows = request.batchRows ?? wholeGroups(batchRows(tables.schema), tables.groupRows);
    return dataset({
      database,
      files,
      format,
      columns: request.columns,
      attempt,
      fingerprint,
      rows,
    }, tables);
  } catch (error) {
    database.close();
    await format.close?.();
    throw error;
  }
}

interface OpenFiles {
  readonly database: Database;
  readonly files: readonly SourceFile[];
  readonly format: TableFormat;
  readonly columns: readonly string[] | undefined;
  readonly attempt: Attempt;
  readonly fingerprint: string;
  /** Number of rows per record batch, independent of the column types. */
  readonly rows: number;
}

function dataset(opened: OpenFiles, tables: Tables): Dataset {
  const { database, files, format, columns, attempt, fingerprint, rows } = opened;
  const { schema } = tables;
  const wanted = selected(schema, columns);
  // Created before any row is read, so that unreadable columns are reported first.
  const statements = new Map(files.map((file) => [file, tables.statement(file, columns)]));
  const unread = new Set(files);
  const unchanged = new Map(files.map((file) => [file, versionOf(file)]));
  const refuseChanged = (file: SourceFile) => {
    if (versionOf(file) === unchanged.get(file)) return;
    throw new UserError(`${file.name} changed while it was being read`, {
      hint: leaveAlone(),
    });
  };
  /** Number of rows known for each file. For text files, it is the number of rows read so far. */
  const counted = new Map(tables.rowCounts?.entries().map(([{ name }, rows]) => [name, rows]));
  const byName = new Map(files.map((file) => [file.name, file]));
  async function* read(file: SourceFile): AsyncGenerator<RecordBatch> {
    refuseChanged(file);
    const { sql, schema: own } = statements.get(file)!;
    const batches = database.recordBatches(sql, own, rows);
    let firstRow = 0;
    try {
      for (;;) {
        const next = await attempt(file, () => batches.next());
        if (next.done) break;
        const end = firstRow + next.value.numRows;
        // Updated before the yield, because the consumer of the rows can call `locate`.
        counted.set(file.name, Math.max(end, counted.get(file.name) ?? 0));
        yield conform(next.value, wanted, { ...file, firstRow });
        firstRow = end;
      }
    } finally {
      await batches.return(undefined);
    }
    // Rows that another program added or removed during the read could be among the results.
    refuseChanged(file);
    counted.set(file.name, firstRow);
    if (unread.delete(file)) await format.refuseRead?.(file);
  }
  return {
    schema,
    fingerprint,
    files: files.map(({ path, original = path }) => original),
    async *recordBatches() {
      for (const file of files) yield* read(file);
    },
    locate: (row) => {
      const found = locateRow(counted, row);
      const line = found && tables.line?.(byName.get(found.file)!, found.row);
      return found && { ...found, ...(line !== undefined && { line }) };
    },
    ...randomAccess(opened, tables, wanted, refuseChanged),
    textFacts: tables.textFacts,
    ...(tables.withoutValues && { withoutValues: tables.withoutValues }),
    widen: async (fields) => dataset(opened, await tables.widen(fields)),
    close: async () => {
      database.close();
      await format.close?.();
    },
  };
}

/** Returns the schema of the requested columns. Without any column, the rows are still counted. */
function selected(schema: Schema, columns: readonly string[] | undefined): Schema {
  const names = columns && new Set(columns);
  const fields = schema.fields.filter(({ name }) => !names || names.has(name));
  return fields.length > 0 ? new Schema(fields) : noColumns;
}

function versionOf({ path, original = path }: SourceFile): string {
  try {
    const { size, mtime } = Deno.statSync(original);
    return `${size} ${mtime?.getTime()}`;
  } catch {
    return "gone";
  }
}

/** Returns the functions for random access if the row counts are known. */
function randomAccess(
  { database, files, attempt, rows, columns }: OpenFiles,
  tables: Tables,
  wanted: Schema,
  refuseChanged: (file: SourceFile) => void,
): Pick<Dataset, "recordBatch" | "rowCounts"> {
  const { rowCounts } = tables;
  if (!rowCounts) return {};
  const parts: { file: SourceFile; first: number; last: number }[] = [];
  for (const file of files) {
    const count = rowCounts.get(file)!;
    for (let first = 0; first < count; first += rows) {
      parts.push({ file, first, last: Math.min(first + rows, count) });
    }
  }
  return {
    rowCounts: parts.map(({ first, last }) => last - first),
    recordBatch: async (index) => {
      const part = parts[index];
      if (!part) throw new RangeError(`no record batch ${index} among ${parts.length}`);
      const { file, first, last } = part;
      refuseChanged(file);
      const { sql, schema } = tables.statement(file, columns, part);
      const batch = await attempt(file, () => onlyBatch(database, sql, schema, last - first));
      return conform(batch, wanted, { ...file, firstRow: first });
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
  throw new UserError("a data file has fewer rows than when it was opened", {
    hint: leaveAlone(),
  });
}
