import type { DuckDBConnection, DuckDBInstance, DuckDBType } from "npm:@duckdb/node-api@1.5.6-r.1";
import { Bool, DataType, Field, makeData, Null, type RecordBatch, Schema } from "apache-arrow";
import { tmpdir } from "node:os";
import { isAbsolute, join, sep as SEPARATOR } from "node:path";
import process from "node:process";
import {
  availableMemory,
  hint,
  type HintText,
  recordBatchOf,
  say,
  UserError,
} from "../../plugin.ts";
import {
  type Bindings,
  bytesOf,
  type ColumnBuilder,
  columnBuilder,
  columnExpression,
  InfiniteError,
  isOutOfMemory,
  maxBatchBytes,
  MemoryError,
  tooLargeBatch,
} from "./duckdb_columns.ts";
import { duckdbPackages } from "./duckdb_packages.ts";

/** The options for opening a DuckDB database, such as the files that its queries may read. */
export interface DatabaseOptions {
  /**
   * The path of a database file, which is opened read-only. By default, the database is empty and
   * in memory.
   */
  readonly path?: string | undefined;
  /**
   * The paths of the files that statements may read. Statements have no access to other files.
   * DuckDB would also let statements write to these files, so queries of users must be checked
   * before they run.
   */
  readonly files: readonly string[];
  /** The number of threads; one per core by default. */
  readonly threads?: number | undefined;
  /**
   * Whether intermediate results that do not fit in memory are written to a temporary folder; true by
   * default. Otherwise, such a statement fails.
   */
  readonly spills?: boolean | undefined;
}

/** A column of a statement's result. */
export interface DuckColumn {
  /** The column's name in the source. */
  readonly name: string;
  /** The column's name in DuckDB, if it is a different one. */
  readonly sql?: string | undefined;
  /** The type in DuckDB. */
  readonly type: DuckDBType;
  /** The type in Arrow; undefined if the type cannot be converted. */
  readonly arrow: DataType | undefined;
  /**
   * The reason why the column must not be read, because it would have wrong values. Absent for most
   * columns.
   */
  readonly refusal?: { readonly message: string; readonly hint: HintText };
}

/** A DuckDB instance that runs read-only statements on files. */
export class Database {
  readonly #duckdb: Bindings;
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #options: DatabaseOptions;
  /** The memory limit of a statement, in bytes. */
  readonly #memory: number;
  /** The same database with one thread, for rows that need much memory. */
  #careful: Promise<Database> | undefined;
  /** Settles when an interrupted statement that exceeded the memory limit has really ended. */
  #stuck: Promise<unknown> | undefined;

  private constructor(
    duckdb: Bindings,
    instance: DuckDBInstance,
    connection: DuckDBConnection,
    options: DatabaseOptions,
    memory: number,
  ) {
    this.#duckdb = duckdb;
    this.#instance = instance;
    this.#connection = connection;
    this.#options = options;
    this.#memory = memory;
  }

  /**
   * Opens DuckDB in this process.
   *
   * @param options The database file, the files that statements may read, and the number of
   *   threads.
   * @throws {UserError} If DuckDB cannot be loaded on this machine.
   * @throws {Error} With DuckDB's message, if the database file cannot be opened.
   * @throws {TypeError} If a path is not absolute.
   */
  static async open(options: DatabaseOptions): Promise<Database> {
    const { path, files, threads, spills = true } = options;
    // DuckDB takes other paths as an address, as a file in the home folder, or as an extension to
    // load, depending on their first characters.
    const relative = [...files, path ?? "/"].find((one) => !isAbsolute(one));
    if (relative !== undefined) throw new TypeError(`the path ${relative} is not absolute`);
    const { api, duckdb } = await loadDuckdb();
    // The other half of the memory is for the data read and for training.
    const half = Math.floor(await availableMemory() / 2);
    const memory = Math.max(leastMemory, Math.min(mostMemory, half));
    const instance = await api.DuckDBInstance.create(path ?? ":memory:", {
      // DuckDB would download extensions from the network.
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
      // The cache would keep file content in memory.
      enable_external_file_cache: "false",
      preserve_insertion_order: "true",
      // This limit covers most of DuckDB's memory. `#bounded()` checks the total, which must be able to
      // exceed it: at this limit, DuckDB begins to write to the disk.
      memory_limit: `${Math.floor(DUCKDB_SHARE * memory / 2 ** 20)}MiB`,
      // The folder for data that does not fit in memory, or no folder. DuckDB creates it when needed,
      // and removes it.
      temp_directory: spills
        ? join(tmpdir(), `rocket-duckdb-${process.pid}-${crypto.randomUUID()}`)
        : "",
      ...(path !== undefined && { access_mode: "READ_ONLY" }),
      ...(threads !== undefined && { threads: String(threads) }),
    });
    try {
      const connection = await instance.connect();
      // The qualified name is needed because [ ] would call a macro of the database named
      // list_value.
      const paths = files.flatMap((path) => [literal(path), pathLiteral(path)]).join();
      await connection.run(`SET allowed_paths = system.main.list_value(${paths})`);
      await connection.run("SET enable_external_access = false");
      // DuckDB takes these from environment variables. The time zone would make the values of a
      // query depend on the computer.
      await connection.run("SET http_proxy = ''");
      await connection.run("SET secret_directory = ''");
      await connection.run("SET TimeZone = 'UTC'");
      await connection.run("SET lock_configuration = true");
      return new Database(duckdb, instance, connection, options, memory);
    } catch (error) {
      instance.closeSync();
      throw error;
    }
  }

  /**
   * Returns the columns of a statement's result without running the statement.
   *
   * @param sql One SELECT.
   * @throws {Error} With DuckDB's message, if the statement is not valid.
   */
  async columns(sql: string): Promise<DuckColumn[]> {
    const prepared = await this.#bounded(this.#connection, this.#connection.prepare(sql));
    try {
      return Array.from({ length: prepared.columnCount }, (_, index) => {
        const type = prepared.columnType(index);
        return {
          name: prepared.columnName(index),
          type,
          arrow: columnBuilder(readType(type), this.#duckdb)?.type,
        };
      });
    } finally {
      prepared.destroySync();
    }
  }

  /**
   * Runs a statement and returns the first row of its result.
   *
   * @param sql One SELECT.
   * @returns The values of the row; an empty array if the result has no rows.
   */
  async firstRow(sql: string): Promise<readonly unknown[]> {
    return (await this.rows(sql))[0] ?? [];
  }

  /**
   * Runs a statement and returns all rows of its result, which must fit in memory.
   *
   * @param sql One SELECT.
   */
  async rows(sql: string): Promise<readonly (readonly unknown[])[]> {
    const result = await this.#bounded(this.#connection, this.#connection.run(sql));
    return await result.getRows();
  }

  /**
   * Finds columns that contain only nulls. The search in a column ends at its first value.
   *
   * @param from The table expression of a FROM clause.
   * @param columns The columns, by their names in DuckDB.
   * @returns The columns that contain only nulls, or have no rows.
   */
  async withoutValues(from: string, columns: readonly string[]): Promise<Set<string>> {
    const found = new Set<string>();
    for (const column of columns) {
      const rows = await this.rows(
        `SELECT 1 FROM ${from} WHERE ${quoted(column)} IS NOT NULL LIMIT 1`,
      );
      if (rows.length === 0) found.add(column);
    }
    return found;
  }

  /**
   * Runs a statement and yields its rows in record batches of the same size; only the last one may
   * be smaller. Several calls may read from one database at the same time. A statement that DuckDB
   * ends because of its memory limit is continued on one thread.
   *
   * @param sql One SELECT with the columns of the schema.
   * @param schema The columns, in order.
   * @param rows The number of rows per record batch.
   * @throws {MemoryError} If the process needs too much memory while the statement runs.
   * @throws {UserError} If a record batch would be too large, or if a date or timestamp is
   *   infinite.
   * @throws {Error} With DuckDB's message, if the statement fails.
   */
  async *recordBatches(sql: string, schema: Schema, rows: number): AsyncGenerator<RecordBatch> {
    let read = 0;
    try {
      for await (const batch of this.#stream(sql, schema, rows, read)) {
        yield batch;
        read += batch.numRows;
      }
      return;
    } catch (error) {
      if (!isOutOfMemory(error) || this.#options.threads === 1 || this.#stuck) throw error;
    }
    // Each thread keeps its own rows in memory, so one thread needs less.
    const careful = await (this.#careful ??= Database.open({ ...this.#options, threads: 1 }));
    yield* careful.#stream(sql, schema, rows, read);
  }

  /** Runs a statement and yields record batches of its rows, without the first `skipped` rows. */
  async *#stream(
    sql: string,
    schema: Schema,
    rows: number,
    skipped: number,
  ): AsyncGenerator<RecordBatch> {
    const connection = await this.#instance.connect();
    const bounded = <T>(call: Promise<T>) => this.#bounded(connection, call);
    try {
      await connection.run("BEGIN TRANSACTION READ ONLY");
      const prepared = await bounded(connection.prepare(sql));
      const builders = schema.fields.map((_, index) =>
        columnBuilder(prepared.columnType(index), this.#duckdb)!
      );
      const result = await bounded(prepared.stream());
      let filled = 0, skip = skipped;
      const next = () => bounded(result.fetchChunk());
      for (let chunk = await next(); chunk; chunk = await next()) {
        const { rowCount } = chunk;
        if (rowCount === 0) break;
        const vectors = builders.map((_, index) =>
          this.#duckdb.data_chunk_get_vector(chunk!.chunk, index)
        );
        const first = Math.min(skip, rowCount);
        skip -= first;
        for (let from = first; from < rowCount;) {
          const to = Math.min(rowCount, from + rows - filled);
          builders.forEach((builder, index) => builder.append(vectors[index]!, from, to));
          if (builders.reduce((size, builder) => size + builder.size, 0) > maxBatchBytes) {
            throw tooLargeBatch();
          }
          filled += to - from;
          from = to;
          if (filled < rows) continue;
          yield recordBatch(schema, builders, filled);
          filled = 0;
        }
      }
      await this.#refuseBroken(connection, sql);
      if (filled > 0) yield recordBatch(schema, builders, filled);
    } finally {
      this.#close(() => connection.closeSync());
    }
  }

  /**
   * Throws the error of a statement that failed after its first rows. The stream of such a
   * statement ends without an error, as if it had no more rows, but its transaction is aborted.
   * Running the statement again then fails with DuckDB's message.
   */
  async #refuseBroken(connection: DuckDBConnection, sql: string): Promise<void> {
    try {
      await connection.run("SELECT 1");
    } catch (error) {
      await this.firstRow(`SELECT count(COLUMNS(*)) FROM (${sql})`);
      // If the count succeeds, the statement failed because storing all its values needs too much
      // memory.
      throw new MemoryError(this.#memory, { cause: error });
    }
  }

  /**
   * Waits for a statement, and interrupts it when the memory of the process grows by more than the
   * limit. DuckDB's own limit covers only part of the memory that a small file can need. An
   * interrupted statement may take long to end, so this method does not wait for it.
   */
  async #bounded<T>(connection: DuckDBConnection, call: Promise<T>): Promise<T> {
    const before = Deno.memoryUsage().rss;
    let timer: ReturnType<typeof setInterval> | undefined;
    const tooMuch = new Promise<never>((_, reject) => {
      timer = setInterval(() => {
        if (Deno.memoryUsage().rss - before <= this.#memory) return;
        connection.interrupt();
        this.#stuck = call.then(() => {}, () => {});
        reject(new MemoryError(this.#memory));
      }, memoryInterval);
    });
    try {
      return await Promise.race([call, tooMuch]);
    } finally {
      clearInterval(timer);
    }
  }

  /** Calls `close`, after the interrupted statement has ended if there is one. */
  #close(close: () => void): void {
    if (this.#stuck) this.#stuck.then(close);
    else close();
  }

  /**
   * Closes the database and frees its files and memory. If an interrupted statement still runs,
   * this happens when it ends.
   */
  close(): void {
    this.#careful?.then((database) => database.close(), () => {});
    this.#close(() => {
      this.#connection.closeSync();
      this.#instance.closeSync();
    });
  }
}

/** The interval between checks of a statement's memory, in milliseconds. */
const memoryInterval = 20;

/** The fraction of a statement's memory that DuckDB counts itself. */
const DUCKDB_SHARE = 0.7;

/** The smallest memory limit, in bytes. DuckDB cannot start with less. */
const leastMemory = 2 ** 28;

/**
 * The largest memory limit, in bytes. DuckDB reads 2,048 rows at a time on each thread, which need
 * a few megabytes, and uses files for large sorts. But a text that a file stores once can be the
 * value of all its rows.
 */
const mostMemory = 2 ** 32;

/** Returns the type of a column's values after {@linkcode columnExpression}. */
function readType(type: DuckDBType): DuckDBType {
  return columnExpression("x", type) === "x" ? type : { typeId: 17 } as DuckDBType;
}

function recordBatch(schema: Schema, builders: readonly ColumnBuilder[], rows: number) {
  const children = builders.map((builder, index) => {
    const { name, type } = schema.fields[index]!;
    if (DataType.isNull(type)) return makeData({ type, length: rows });
    try {
      // Each builder of a dictionary creates its own type object.
      return Object.assign(builder.finish(), { type });
    } catch (error) {
      if (!(error instanceof InfiniteError)) throw error;
      throw new UserError(
        `the column ${name} holds ${error.message}, which is not a date or time`,
        {
          hint: hint(
            "duckdb/infinite",
            `use the source sql, and turn such values into nulls with this expression in its query: CASE WHEN isfinite(${
              quoted(name)
            }) THEN ${quoted(name)} END AS ${quoted(name)}`,
            { edit: "the source" },
          ),
          cause: error,
        },
      );
    }
  });
  return recordBatchOf(schema, children, rows);
}

/** The delay before a message about loading DuckDB, in milliseconds. */
const patience = 3_000;

/**
 * Loads DuckDB's packages. They are loaded only here because they are large and most runs do not
 * need them. Deno would download them when a program starts if deno.json or a literal import named
 * them.
 *
 * @throws {UserError} If the packages are not available on this machine.
 */
export async function loadDuckdb(): Promise<
  { api: typeof import("npm:@duckdb/node-api@1.5.6-r.1"); duckdb: Bindings }
> {
  const timer = setTimeout(
    () => say("loading DuckDB, which is downloaded once …"),
    patience,
  );
  try {
    const [api, bindings] = await Promise.all(duckdbPackages.map((name) => import(name)));
    return { api, duckdb: bindings.default };
  } catch (error) {
    throw unloadable(error);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Returns the error for a machine on which DuckDB cannot be loaded.
 *
 * @param error The error of the import.
 */
export function unloadable(error: unknown): UserError {
  const { message } = error as Error;
  const [line] = message.split("\n");
  const isMissing = message.includes("--cached-only is specified");
  return new UserError(
    `DuckDB, which reads this source, ${
      isMissing ? "is not downloaded" : `cannot be loaded here: ${line}`
    }`,
    {
      hint: isMissing
        ? hint(
          "duckdb/download",
          `run the command again with a network connection, or run: deno cache ${
            duckdbPackages.join(" ")
          }`,
          { outside: "it is downloaded to Deno's cache" },
        )
        : hint(
          "duckdb/machine",
          "DuckDB supports Linux, macOS and Windows on x64 and arm64; for other systems, convert the data to Arrow files on another machine, for example with pyarrow or Polars",
          { outside: "the machine has no program of DuckDB" },
        ),
      cause: error,
    },
  );
}

/**
 * Returns a name as a quoted identifier in SQL.
 *
 * @param name The name.
 */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * Returns a text as a string literal in SQL.
 *
 * @param text The text.
 */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * Returns the path of a file as a string literal in SQL. DuckDB would expand wildcards in the name of
 * the file, such as `data[1].csv`, and read other files.
 *
 * @param path The absolute path.
 * @throws {UserError} If the path contains both wildcards and a backslash that does not separate
 *   folders, but that DuckDB would take for a separator.
 */
export function pathLiteral(path: string): string {
  if (SEPARATOR !== "\\" && path.includes("\\") && /[*?[]/.test(path)) {
    throw new UserError(
      `${path} cannot be read: DuckDB would read another file, because the path contains a ` +
        "backslash and one of the characters * ? [",
      {
        hint: hint("duckdb/path", "rename the file or its folder", {
          outside: "the file has to be renamed",
        }),
      },
    );
  }
  return literal(path.replaceAll(/[*?[]/g, "[$&]"));
}

/**
 * Returns the Arrow schema of the columns of a SQL statement. If the type of a column cannot be
 * converted, the schema contains the column with the type null, so that its name is known;
 * {@linkcode selectColumns} refuses to read it.
 *
 * @param columns The columns.
 * @param where The name of the file or query, for messages.
 * @throws {UserError} If two columns have the same name.
 */
export function schemaOf(columns: readonly DuckColumn[], where: string): Schema {
  const names = new Set<string>();
  for (const { name, sql = name } of columns) {
    if (names.has(name)) {
      throw new UserError(`${where} has two columns called ${name}`, {
        hint: hint(
          "duckdb/twice",
          `read the file with the source sql, where the second column is called ${quoted(sql)}`,
          { edit: "the source" },
        ),
      });
    }
    names.add(name);
  }
  return new Schema(
    columns.map(({ name, arrow }) => new Field(name, arrow ?? new Null(), true)),
  );
}

/** The schema used to read rows when no column is requested, so that rows can still be counted. */
export const noColumns: Schema = new Schema([new Field("row", new Bool(), true)]);

/** The columns to read from the result of a DuckDB statement. */
export interface Selection {
  /** The SQL expressions of the columns, separated by commas. */
  readonly list: string;
  /** The Arrow schema of the columns to read. */
  readonly schema: Schema;
}

/**
 * Selects the columns to read from the result of a DuckDB statement, and rejects columns that
 * Rocket cannot read.
 *
 * @param columns All columns.
 * @param schema The schema of all columns.
 * @param asked The names of the columns to read; all by default.
 * @throws {UserError} If the type of a column to read cannot be converted to Arrow, or if the
 *   column has a `refusal`.
 */
export function selectColumns(
  columns: readonly DuckColumn[],
  schema: Schema,
  asked?: readonly string[],
): Selection {
  const names = asked && new Set(asked);
  const wanted = columns.filter(({ name }) => !names || names.has(name));
  for (const { name, type, arrow, refusal } of wanted) {
    if (refusal) throw new UserError(refusal.message, { hint: refusal.hint });
    if (arrow) continue;
    throw new UserError(
      `the column ${name} has DuckDB's type ${type}, which this source cannot read`,
      {
        hint: hint(
          "duckdb/type",
          `do not use this column, or read it with the source sql and the expression ${
            castOf(name, type)
          } AS ${quoted(name)}`,
          { edit: "the source" },
        ),
      },
    );
  }
  if (wanted.length === 0) {
    // One constant column keeps the number of rows.
    return {
      list: "NULL::BOOLEAN AS row",
      schema: noColumns,
    };
  }
  const fields = new Map(schema.fields.map((field) => [field.name, field]));
  return {
    list: wanted.map(({ name, sql = name, type }) => columnExpression(quoted(sql), type))
      .join(", "),
    schema: new Schema(wanted.map(({ name }) => fields.get(name)!)),
  };
}

/**
 * Returns a SQL expression, for a hint, that converts a column of an unsupported type to a
 * supported one.
 */
function castOf(name: string, type: DuckDBType): string {
  const column = quoted(name);
  if (String(type) === "INTERVAL") return `epoch(${column})`;
  const number = ["UHUGEINT", "BIGNUM", "VARINT"].includes(String(type));
  return `CAST(${column} AS ${number ? "DOUBLE" : "VARCHAR"})`;
}

/**
 * Returns the number of rows per record batch, so that all columns together, whether they are read
 * or not, take about 4 MB.
 *
 * @param schema All columns.
 * @returns A power of 2 from 1,024 to 65,536.
 */
export function batchRows(schema: Schema): number {
  const bytes = schema.fields.reduce((sum, { type }) => sum + bytesOf(type), 0);
  const rows = 2 ** Math.floor(Math.log2(2 ** 22 / Math.max(1, bytes)));
  return Math.min(2 ** 16, Math.max(2 ** 10, rows));
}
