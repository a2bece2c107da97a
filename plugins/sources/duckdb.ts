import type { DuckDBConnection, DuckDBInstance, DuckDBType } from "npm:@duckdb/node-api@1.5.6-r.1";
import { Bool, DataType, Field, makeData, Null, type RecordBatch, Schema } from "apache-arrow";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { availableMemory, hint, type HintText, say, UserError } from "../../plugin.ts";
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
import { recordBatchOf } from "./wide_schema.ts";

/** How a database is opened. */
export interface DatabaseOptions {
  /** A database file, which is opened to be read only; none by default. */
  readonly path?: string | undefined;
  /**
   * The files that statements may read. Nothing else of the machine can be read or written; these
   * DuckDB lets statements write as well, so that what a person wrote is checked before.
   */
  readonly files: readonly string[];
  /** How many threads; all cores by default. */
  readonly threads?: number | undefined;
}

/** A column of a statement. */
export interface DuckColumn {
  /** Its name. */
  readonly name: string;
  /** What DuckDB calls it, where that is another name. */
  readonly sql?: string | undefined;
  /** Its type in DuckDB. */
  readonly type: DuckDBType;
  /** Its type in Arrow; undefined if there is none here. */
  readonly arrow: DataType | undefined;
  /** Why it is not to be read, as other values would come of it; absent for most. */
  readonly refusal?: { readonly message: string; readonly hint: HintText };
}

/** Statements on files, without any effect on them. */
export class Database {
  readonly #duckdb: Bindings;
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #options: DatabaseOptions;
  /** How many bytes a statement may take. */
  readonly #memory: number;
  /** The same on one thread, for rows that take much memory. */
  #careful: Promise<Database> | undefined;
  /** A statement that takes too much memory and cannot be ended at once. */
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
   * @param options What it may read.
   * @throws {UserError} If DuckDB cannot be loaded here.
   * @throws {Error} In DuckDB's words, if a database is not what it should be.
   */
  static async open(options: DatabaseOptions): Promise<Database> {
    const { path, files, threads } = options;
    const { api, duckdb } = await loadDuckdb();
    // The other half is for what becomes of the rows.
    const half = Math.floor(await availableMemory() / 2);
    const memory = Math.max(leastMemory, Math.min(mostMemory, half));
    const instance = await api.DuckDBInstance.create(path ?? ":memory:", {
      // Extensions would be fetched from the network.
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
      // It would keep what it has read of files.
      enable_external_file_cache: "false",
      preserve_insertion_order: "true",
      // This counts most of what it takes; `#bounded()` sees to the rest.
      memory_limit: `${Math.floor(memory / 2 ** 20)}MiB`,
      // What does not fit in memory; the folder is made when it is needed, and removed.
      temp_directory: join(tmpdir(), `rocket-duckdb-${process.pid}-${crypto.randomUUID()}`),
      ...(path !== undefined && { access_mode: "READ_ONLY" }),
      ...(threads !== undefined && { threads: String(threads) }),
    });
    try {
      const connection = await instance.connect();
      // With the whole name: [ ] would call a macro of the database that is called list_value.
      const paths = files.map(literal).join();
      await connection.run(`SET allowed_paths = system.main.list_value(${paths})`);
      await connection.run("SET enable_external_access = false");
      await connection.run("SET lock_configuration = true");
      return new Database(duckdb, instance, connection, options, memory);
    } catch (error) {
      instance.closeSync();
      throw error;
    }
  }

  /**
   * The columns of a statement, without running it.
   *
   * @param sql One SELECT.
   * @throws {Error} In DuckDB's words.
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
   * The first row of a statement.
   *
   * @param sql One SELECT.
   */
  async firstRow(sql: string): Promise<readonly unknown[]> {
    return (await this.rows(sql))[0] ?? [];
  }

  /**
   * The rows of a statement that gives few of them.
   *
   * @param sql One SELECT.
   */
  async rows(sql: string): Promise<readonly (readonly unknown[])[]> {
    const result = await this.#bounded(this.#connection, this.#connection.run(sql));
    return await result.getRows();
  }

  /**
   * Finds columns without values: the first value of a column ends the search in it.
   *
   * @param from What stands behind FROM.
   * @param columns The columns, by what DuckDB calls them.
   * @returns Those that hold only nulls, or have no rows.
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
   * Runs a statement and gives its rows as they come, in record batches of one size but the last.
   * The statements of a database that read at once do not disturb one another.
   *
   * @param sql One SELECT with these columns.
   * @param schema The columns, in order.
   * @param rows How many rows a record batch has.
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
    // Each thread has rows of its own in memory.
    const careful = await (this.#careful ??= Database.open({ ...this.#options, threads: 1 }));
    yield* careful.#stream(sql, schema, rows, read);
  }

  /** Runs a statement and gives its rows but the first ones. */
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
   * The stream of a statement that fails after its first rows ends as if there were no more of
   * them: the interface does not say why. But its transaction is aborted then; the statement is run
   * once more, so that it fails at once and with words.
   */
  async #refuseBroken(connection: DuckDBConnection, sql: string): Promise<void> {
    try {
      await connection.run("SELECT 1");
    } catch (error) {
      await this.firstRow(`SELECT count(COLUMNS(*)) FROM (${sql})`);
      // What fails only where all values are kept lacks memory.
      throw new MemoryError(this.#memory, { cause: error });
    }
  }

  /**
   * Waits for a statement, as long as the process does not take much more memory than before: of
   * what a small file can become, DuckDB's own limit counts a part only. What it has begun it cannot
   * always end at once, so that nothing waits for it then.
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

  /** Closes something, once nothing runs that would have to be waited for. */
  #close(close: () => void): void {
    if (this.#stuck) this.#stuck.then(close);
    else close();
  }

  /** Lets go of files and memory. */
  close(): void {
    this.#careful?.then((database) => database.close(), () => {});
    this.#close(() => {
      this.#connection.closeSync();
      this.#instance.closeSync();
    });
  }
}

/** How often the memory that a statement takes is looked at, in milliseconds. */
const memoryInterval = 20;

/** What DuckDB gets in any case: it cannot start with less. */
const leastMemory = 2 ** 28;

/**
 * What it gets at most. It reads 2,048 rows at once on each thread, which take some megabytes, and
 * sorts what is larger in files; but a text that a file has once can be the value of all its rows.
 */
const mostMemory = 2 ** 32;

/** The type that values are read with: that of {@linkcode columnExpression}. */
function readType(type: DuckDBType): DuckDBType {
  return columnExpression("x", type) === "x" ? type : { typeId: 17 } as DuckDBType;
}

function recordBatch(schema: Schema, builders: readonly ColumnBuilder[], rows: number) {
  const children = builders.map((builder, index) => {
    const { name, type } = schema.fields[index]!;
    if (DataType.isNull(type)) return makeData({ type, length: rows });
    try {
      // Each builder of a dictionary makes a type of its own.
      return Object.assign(builder.finish(), { type });
    } catch (error) {
      if (!(error instanceof InfiniteError)) throw error;
      throw new UserError(
        `the column ${name} holds ${error.message}, which is not a date or time`,
        {
          hint: hint(
            "duckdb/infinite",
            `turn such values into nulls with the source sql: CASE WHEN isfinite(${
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

/** How long nobody needs to be told that something is loaded, in milliseconds. */
const patience = 3_000;

/**
 * Loads DuckDB. Deno fetches the packages of all imports that it sees, in deno.json or here, when a
 * program starts; these are large, and most runs need them not.
 *
 * @throws {UserError} If there is none for this machine.
 */
export async function loadDuckdb(): Promise<
  { api: typeof import("npm:@duckdb/node-api@1.5.6-r.1"); duckdb: Bindings }
> {
  const told = setTimeout(
    () => say("loading DuckDB, which is downloaded once …"),
    patience,
  );
  try {
    const [api, bindings] = await Promise.all(duckdbPackages.map((name) => import(name)));
    return { api, duckdb: bindings.default };
  } catch (error) {
    throw unloadable(error);
  } finally {
    clearTimeout(told);
  }
}

/**
 * Says that this machine has no DuckDB.
 *
 * @param error Why it cannot be loaded.
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
          "DuckDB supports Linux, macOS and Windows on x64 and arm64; for other systems, convert the data to Arrow on another machine: deno task data convert IN OUT.arrow",
          { outside: "the machine has no program of DuckDB" },
        ),
      cause: error,
    },
  );
}

/**
 * A name in SQL.
 *
 * @param name The name.
 */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * A text in SQL.
 *
 * @param text The text.
 */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * The Arrow schema of a statement's columns. What has no type in Arrow here is there as nulls, so
 * that its name is known; {@linkcode selectList} refuses to read it.
 *
 * @param columns The columns.
 * @param where The file, or the query.
 * @throws {UserError} If two have one name.
 */
export function schemaOf(columns: readonly DuckColumn[], where: string): Schema {
  const names = new Set<string>();
  for (const { name, sql = name } of columns) {
    if (names.has(name)) {
      throw new UserError(`${where} has two columns called ${name}`, {
        hint: hint(
          "duckdb/twice",
          `read it with the source sql, where the second one is called ${quoted(sql)}`,
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

/** The schema of rows of which no column is read: they are still rows. */
export const noColumns: Schema = new Schema([new Field("row", new Bool(), true)]);

/** Some columns of a statement, to be read. */
export interface Selection {
  /** Their names in SQL, with commas. */
  readonly list: string;
  /** Their types. */
  readonly schema: Schema;
}

/**
 * The columns that are asked for.
 *
 * @param columns All columns.
 * @param schema Their schema.
 * @param asked The names that are wanted; all by default.
 * @throws {UserError} If one of them has no type in Arrow here, or would be read with other values.
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
    throw new UserError(`the column ${name} has DuckDB's type ${type}, which cannot be read here`, {
      hint: hint(
        "duckdb/type",
        `do not use this column, or read it with the source sql: ${castOf(name, type)} AS ${
          quoted(name)
        }`,
        { edit: "the source" },
      ),
    });
  }
  if (wanted.length === 0) {
    // Rows without columns are still rows.
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

/** What gives the values of a column, whose type Arrow has nothing for here, in another type. */
function castOf(name: string, type: DuckDBType): string {
  const column = quoted(name);
  if (String(type) === "INTERVAL") return `epoch(${column})`;
  const number = ["UHUGEINT", "BIGNUM", "VARINT"].includes(String(type));
  return `CAST(${column} AS ${number ? "DOUBLE" : "VARCHAR"})`;
}

/**
 * How many rows a record batch has: some megabytes of all columns, whichever are read.
 *
 * @param schema All columns.
 * @returns A power of 2 from 1,024 to 65,536.
 */
export function batchRows(schema: Schema): number {
  const bytes = schema.fields.reduce((sum, { type }) => sum + bytesOf(type), 0);
  const rows = 2 ** Math.floor(Math.log2(2 ** 22 / Math.max(1, bytes)));
  return Math.min(2 ** 16, Math.max(2 ** 10, rows));
}
