import { type Field, type RecordBatch, Schema } from "apache-arrow";
import { type Dataset, type OpenRequest, type TextFacts, UserError } from "../../plugin.ts";
import { conform } from "./conform.ts";
import { batchRows, Database, noColumns } from "./duckdb.ts";
import { explain, type StatementSubject } from "./duckdb_errors.ts";
import { leaveAlone } from "./hints.ts";
import { fileFingerprints, joinFingerprints, locateRow, type SourceFile } from "./files.ts";

/** How files of a format are read with DuckDB, one after the other. */
export interface TableFormat {
  /** Refuses a file before DuckDB is asked. */
  refuse?(file: SourceFile): Promise<void>;
  /** Refuses a file that was read to its end for the first time. */
  refuseRead?(file: SourceFile): Promise<void>;
  /** What an error in a statement was about. */
  subject?(file: SourceFile): StatementSubject;
  /** Says what DuckDB could not do, where the file has to be looked at for it. */
  explain?(database: Database, file: SourceFile, error: unknown): Promise<UserError | undefined>;
  /**
   * Finds the columns of all files.
   *
   * @param database Where statements run.
   * @param files The files.
   * @param request What is wanted of them.
   */
  describe(
    database: Database,
    files: readonly SourceFile[],
    request: TableRequest,
    attempt: Attempt,
  ): Promise<Tables>;
}

/** The columns of several files together, and how they are read. */
export interface Tables {
  /** All columns. */
  readonly schema: Schema;
  /**
   * What reads columns of a file.
   *
   * @param file The file.
   * @param names The columns that are wanted; all by default.
   * @param range The rows that are wanted, from the first to the one before the last; all by
   *   default.
   * @throws {UserError} If one of the columns cannot be read.
   */
  statement(
    file: SourceFile,
    names: readonly string[] | undefined,
    range?: { readonly first: number; readonly last: number },
  ): Statement;
  /** How many rows each file has, where any of them can be read without the others. */
  readonly rowCounts?: ReadonlyMap<SourceFile, number> | undefined;
  /** The line of a text file on which a row starts, where that can be told at once. */
  line?(file: SourceFile, row: number): number | undefined;
  /** What is known of columns of text, where the format has no types. */
  readonly textFacts?: ReadonlyMap<string, TextFacts> | undefined;
  /**
   * Those of some columns that hold no value in any file; absent where types are found by values.
   */
  withoutValues?(names: readonly string[]): Promise<ReadonlySet<string>>;
  /** The same columns with other types; those that cannot have them stay as they are. */
  widen(fields: readonly Field[]): Promise<Tables>;
}

/** A SELECT, and the columns that it gives. */
export interface Statement {
  readonly sql: string;
  readonly schema: Schema;
}

/** Does something with a file, and says in short what DuckDB could not do. */
export type Attempt = <T>(file: SourceFile, action: () => Promise<T>) => Promise<T>;

/** What is wanted of files. */
export interface TableRequest extends OpenRequest {
  /** How many rows a record batch has; some megabytes by default. */
  readonly batchRows?: number | undefined;
}

/**
 * Opens files as a data set: their rows in the order of the files. Record batches have the same
 * rows whichever columns are asked for, and do not reach from one file into the next.
 *
 * @param files The files.
 * @param format How they are read.
 * @param request What is wanted.
 * @throws {UserError} If a file cannot be read, or has other columns than the first.
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
    const fingerprint = joinFingerprints(await fileFingerprints(files));
    const rows = request.batchRows ?? batchRows(tables.schema);
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
  /** How many rows a record batch has, whichever types columns have. */
  readonly rows: number;
}

function dataset(opened: OpenFiles, tables: Tables): Dataset {
  const { database, files, format, columns, attempt, fingerprint, rows } = opened;
  const { schema } = tables;
  const wanted = selected(schema, columns);
  // What cannot be read is refused before anything is.
  const statements = new Map(files.map((file) => [file, tables.statement(file, columns)]));
  const unread = new Set(files);
  const unchanged = new Map(files.map((file) => [file, versionOf(file)]));
  const refuseChanged = (file: SourceFile) => {
    if (versionOf(file) === unchanged.get(file)) return;
    throw new UserError(`${file.name} has changed while it was read`, {
      hint: leaveAlone(),
    });
  };
  /** How many rows of each file were read so far: those of text are not known before. */
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
        // Whoever gets the rows may ask where they are.
        counted.set(file.name, Math.max(end, counted.get(file.name) ?? 0));
        yield conform(next.value, wanted, { ...file, firstRow });
        firstRow = end;
      }
    } finally {
      await batches.return(undefined);
    }
    // Else rows that were added or taken away on the way could be among them.
    refuseChanged(file);
    counted.set(file.name, firstRow);
    if (unread.delete(file)) await format.refuseRead?.(file);
  }
  return {
    schema,
    fingerprint,
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
    close: () => Promise.resolve(database.close()),
  };
}

/** The columns that are asked for; rows without columns are still rows. */
function selected(schema: Schema, columns: readonly string[] | undefined): Schema {
  const names = columns && new Set(columns);
  const fields = schema.fields.filter(({ name }) => !names || names.has(name));
  return fields.length > 0 ? new Schema(fields) : noColumns;
}

function versionOf({ path }: SourceFile): string {
  try {
    const { size, mtime } = Deno.statSync(path);
    return `${size} ${mtime?.getTime()}`;
  } catch {
    return "gone";
  }
}

/** Record batches by number, where the format has rows by number. */
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
  throw new UserError("the file has fewer rows than before", { hint: leaveAlone() });
}
