import type { Schema } from "apache-arrow";
import { basename } from "node:path";
import {
  type Dataset,
  defineSource,
  hint,
  pathOption,
  type SourceStage,
  UserError,
  z,
} from "../../plugin.ts";
import { conform, widened } from "./conform.ts";
import { batchRows, Database, literal, quoted, schemaOf, selectColumns } from "./duckdb.ts";
import { explain, type Refusal, type StatementSubject } from "./duckdb_errors.ts";
import {
  batchRowsOption,
  fileFingerprints,
  type FileKind,
  filePatterns,
  findFiles,
  joinFingerprints,
  sha256,
  type SourceFile,
} from "./files.ts";
import { refuseAlike } from "./alike_names.ts";
import { databaseFiles } from "./database_files.ts";
import { definitionsOf, isOrdered, refuseDeeds } from "./sql_check.ts";
import { refuseLongLines, refuseLongPackedLines } from "./long_lines.ts";
import { type ChangedColumn, describeSchema } from "./parquet_types.ts";
import { describeCsv } from "./csv_files.ts";
import { joinParquet, type ParquetFile, readParquet } from "./parquet_tables.ts";

const tableFiles: FileKind = {
  format: "Parquet, CSV and TSV",
  extensions: /\.(parquet|parq|pq|csv|tsv|tab|txt)(\.gz|\.zst)?$/i,
};

/**
 * Reads the rows of a query. DuckDB runs it on one thread, because with several threads the row
 * order of a query without ORDER BY varies between runs. For the same reason, only a query with ORDER
 * BY may write intermediate results to the disk: the order would depend on the memory that is free.
 */
const stage: SourceStage = defineSource({
  name: "sql",
  summary: "Runs a query over Parquet and CSV files or a DuckDB database.",
  options: z.object({
    query: z.string().min(1).describe(
      "A single SELECT statement in DuckDB's SQL. It can read the tables in `tables` and those of the database, but no other files. The time zone is UTC.",
    ),
    tables: pathOption(
      z.record(z.string().min(1), filePatterns("data/part-*.parquet")).default({}).describe(
        "Parquet, CSV, and TSV files by their name in the query: a path, a glob, or a " +
          "list; relative to the pipeline file.",
      ),
    ),
    database: pathOption(
      z.string().min(1).optional().describe(
        "A DuckDB database, which is opened read-only; relative to the pipeline file.",
      ),
    ),
    batchRows: batchRowsOption,
  }),
  example: `use: sql
tables: { clicks: ../data/clicks-*.parquet, people: ../data/people.csv }
query: |
  SELECT age, price, clicked
  FROM clicks JOIN people USING (person)
  ORDER BY time`,
  create: ({ query, tables, database: path, batchRows: rows }, { folder }) => ({
    async open({ columns: asked } = {}) {
      refuseNul([query, ...Object.keys(tables)]);
      const named = await findTables(tables, folder);
      const texts = named.flatMap(({ files }) => files).filter((it) => !isParquet(it));
      for (const text of texts) await refuseLongLines(text);
      const [file] = path === undefined ? [] : await findFiles([path], folder, databaseFiles);
      if (file) await refuseLog(file);
      const files = [...named.flatMap(({ files }) => files), ...(file ? [file] : [])];
      const refusals: Refusal[] = [];
      const open = (options: { readonly spills: boolean }) =>
        attempt({ file: file?.name }, () =>
          Database.open({
            ...{ path: file?.path, files: files.map(({ path }) => path), threads: 1 },
            ...options,
          }));
      let database = await open({ spills: false });
      try {
        const definitions = file ? await definitionsOf(database, file.name) : [];
        const subject = {
          query,
          queryLine: 2,
          file: file?.name,
          tables: Object.keys(tables),
          refusals,
          // A view or a macro may take some rows without an order.
          isOrdered: definitions.every(({ kind }) => kind === "table") &&
            await isOrdered(database, query),
        };
        if (subject.isOrdered) {
          database.close();
          database = await open({ spills: true });
        }
        const described: SqlTable[] = [];
        for (const table of named) {
          const parts = await attempt(subject, () => sqlTable(database, table));
          described.push(parts);
          for (const refusal of parts.refusals) refusals.push(refusal);
        }
        const everything = statement("*", query, described);
        const all = await attempt(subject, async () => {
          const own = { query, definitions, tables: Object.keys(tables) };
          await refuseDeeds(database, statement("*", query, []), own);
          return await database.columns(everything);
        });
        const schema = schemaOf(all, "the query");
        const selection = selectColumns(all, schema, asked);
        const sql = statement(selection.list, query, described);
        const withoutValues = (names: readonly string[]) =>
          attempt(subject, () => database.withoutValues(`(${everything})`, names));
        // Computed here so that the batch size does not change when columns are widened.
        const rowsAtOnce = rows ?? batchRows(schema);
        const fingerprint = joinFingerprints([
          `sha256:${sha256(query)}`,
          ...named.map(({ name, files }) => `${name} ${files.length}`),
          ...await fileFingerprints(files),
        ]);
        const dataset = (schema: Schema, wanted: Schema): Dataset => ({
          schema,
          fingerprint,
          files: files.map(({ path }) => path),
          async *recordBatches() {
            let firstRow = 0;
            const batches = database.recordBatches(
              sql,
              selection.schema,
              rowsAtOnce,
            );
            try {
              for (;;) {
                const next = await attempt(subject, () => batches.next());
                if (next.done) break;
                yield conform(next.value, wanted, {
                  name: "the query",
                  partitions: new Map(),
                  firstRow,
                });
                firstRow += next.value.numRows;
              }
            } finally {
              await batches.return(undefined);
            }
            for (const text of texts.splice(0)) await refuseLongPackedLines(text);
          },
          withoutValues,
          async widen(fields) {
            const free = await withoutValues(fields.map(({ name }) => name));
            return dataset(widened(schema, fields, free), widened(wanted, fields, free));
          },
          close: () => Promise.resolve(database.close()),
        });
        return dataset(schema, selection.schema);
      } catch (error) {
        database.close();
        throw error;
      }
    },
  }),
});
export default stage;

/** Refuses the character U+0000, where DuckDB would cut the query off. */
function refuseNul(texts: readonly string[]): void {
  if (!texts.some((text) => text.includes("\0"))) return;
  throw new UserError("the query, or the name of a table, contains the character U+0000", {
    hint: hint("sql/nul", "remove this character", { edit: "the query" }),
  });
}

async function attempt<T>(subject: StatementSubject, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw explain(error, subject);
  }
}

/**
 * Rejects a database with a log of changes beside it, which DuckDB would apply to what it reads. The
 * log is in no fingerprint of the data, and may be a pipe that nobody writes to.
 *
 * @param file The database.
 * @throws {UserError} If there is a log.
 */
async function refuseLog({ name, path }: SourceFile): Promise<void> {
  // DuckDB follows the links in the path of a database before it looks for the log.
  const found = await Promise.all([path, await Deno.realPath(path)].map(hasLog));
  if (!found.includes(true)) return;
  throw new UserError(`${name} has changes that are only in its log ${basename(name)}.wal`, {
    hint: hint(
      "sql/log",
      "open the database with DuckDB and run CHECKPOINT, which moves the changes into the database",
      { outside: "DuckDB moves the changes" },
    ),
  });
}

const hasLog = (database: string) =>
  Deno.lstat(`${database}.wal`).then(
    () => true,
    (error) => !(error instanceof Deno.errors.NotFound),
  );

interface NamedTable {
  readonly name: string;
  readonly files: readonly SourceFile[];
}

async function findTables(
  tables: Readonly<Record<string, string | string[]>>,
  folder: string,
): Promise<NamedTable[]> {
  return await Promise.all(
    Object.entries(tables).map(async ([name, paths]) => ({
      name,
      files: await findFiles([paths].flat(), folder, tableFiles),
    })),
  );
}

const isParquet = ({ path }: SourceFile) => /\.(parquet|parq|pq)$/i.test(path);

/** A table that the query can read. */
interface SqlTable {
  readonly name: string;
  /** SQL expression to use after FROM. */
  readonly from: string;
  /** Errors of queries that read a value which DuckDB would change. */
  readonly refusals: readonly Refusal[];
}

/**
 * Prepares the files of a table for the query. A query fails if it reads a column whose values
 * DuckDB would change.
 *
 * @throws {UserError} If the files cannot be read as one table.
 */
async function sqlTable(database: Database, { name, files }: NamedTable): Promise<SqlTable> {
  const parquet = files.filter(isParquet);
  if (parquet.length === 0) {
    const dialect = { quote: '"', header: true, nullValues: [""], anyDelimiter: true };
    const tables = await describeCsv(
      database,
      files,
      dialect,
      undefined,
      (file, action) => attempt({ file: file.name }, action),
    );
    const names = tables.schema.fields.map((field) => field.name);
    refuseAlike(name, files[0]!, { use: "csv", names });
    return { name, from: `(${tables.query})`, refusals: [] };
  }
  if (parquet.length < files.length) {
    throw new UserError(`the table ${name} has files of different formats`, {
      hint: hint(
        "sql/formats",
        `${
          basename(parquet[0]!.path)
        } is a Parquet file: list the files of each format as a separate table, and combine the tables with UNION ALL`,
        { edit: "the tables and the query" },
      ),
    });
  }
  const changed = new Map<string, ChangedColumn>();
  const described: ParquetFile[] = [];
  for (const file of files) {
    const columns = await database.columns(`FROM ${readParquet([file])}`);
    described.push({
      file,
      columns,
      withoutValues: (names) => database.withoutValues(readParquet([file]), names),
    });
    const schema = await describeSchema(database, file);
    refuseAlike(name, file, {
      use: "parquet",
      names: [
        ...schema.names,
        ...file.partitions.keys().filter((name) => !schema.names.includes(name)),
      ],
      groups: schema.groups,
    });
    for (const column of schema.changed.values()) {
      if (!changed.has(column.name)) changed.set(column.name, column);
    }
  }
  const { from, columns, refusals: widened } = await joinParquet(described);
  const left = Array.from(changed.keys(), quoted).join(", ");
  const leaveOut = hint(
    "sql/leave-out",
    `leave it out of the query: SELECT * EXCLUDE (${left}) FROM ${quoted(name)}`,
    { edit: "the query" },
  );
  const refusals = [
    ...widened,
    ...Array.from(changed.values(), ({ message }) => ({ message, hint: leaveOut })),
  ];
  if (changed.size === 0) return { name, from, refusals };
  const replaced = Array.from(changed.values(), ({ name: column, message }) => {
    const type = columns.get(column)!;
    const failure = `CASE WHEN ${quoted(column)} IS NOT NULL THEN error(${literal(message)}) END`;
    return `CAST(${failure} AS ${type}) AS ${quoted(column)}`;
  });
  const own = `(SELECT * REPLACE (${replaced.join(", ")}) FROM ${from})`;
  return { name, from: own, refusals };
}

/**
 * Returns a SQL statement with the user's query from its second line on, so that line numbers can
 * be mapped back. NOT MATERIALIZED makes DuckDB read only what the query uses from each table.
 */
function statement(list: string, query: string, tables: readonly SqlTable[]): string {
  const parts = tables.map(({ name, from }) =>
    `${quoted(name)} AS NOT MATERIALIZED (FROM ${from})`
  );
  const start = parts.length > 0 ? `WITH ${parts.join(", ")} ` : "";
  return `${start}SELECT ${list} FROM (\n${query.trimEnd().replace(/;$/, "")}\n)`;
}
