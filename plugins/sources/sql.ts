import { basename } from "node:path";
import { defineSource, pathOption, type SourceStage, UserError, z } from "../../plugin.ts";
import { batchRows, Database, literal, quoted, schemaOf, selectColumns } from "./duckdb.ts";
import { explain, type StatementSubject } from "./duckdb_errors.ts";
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
import { refuseLongLines, refuseLongPackedLines } from "./long_lines.ts";

/** What database files are called. */
export const databaseFiles: FileKind = { format: "DuckDB", extensions: /\.(duckdb|ddb|db)$/i };

const tableFiles: FileKind = {
  format: "Parquet, CSV and TSV",
  extensions: /\.(parquet|parq|pq|csv|tsv|tab|txt)(\.gz|\.zst)?$/i,
};

/**
 * Rows that a query gives, run by DuckDB on one thread: then the rows of a query without ORDER BY have
 * the same order each time as well, which they have not on several.
 */
const stage: SourceStage = defineSource({
  name: "sql",
  summary: "Runs a query over Parquet and CSV files or a DuckDB database.",
  options: z.object({
    query: z.string().min(1).describe(
      "One SELECT in DuckDB's SQL. It sees the tables named here and those of the database, and no other file.",
    ),
    tables: pathOption(
      z.record(z.string().min(1), filePatterns("data/part-*.parquet")).default({}).describe(
        "Parquet, CSV and TSV files by the name that the query has for them: a path, a glob or a list; relative to the pipeline file.",
      ),
    ),
    database: pathOption(
      z.string().min(1).optional().describe(
        "A DuckDB database, which is only read; relative to the pipeline file.",
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
      const named = await findTables(tables, folder);
      const texts = named.flatMap(({ files }) => files).filter((it) => !isParquet(it));
      for (const text of texts) await refuseLongLines(text);
      const [file] = path === undefined ? [] : await findFiles([path], folder, databaseFiles);
      const files = [...named.flatMap(({ files }) => files), ...(file ? [file] : [])];
      const subject = { query, queryLine: 2, file: file?.name, tables: Object.keys(tables) };
      const database = await attempt(
        { file: file?.name },
        () => Database.open({ path: file?.path, files: files.map(({ path }) => path), threads: 1 }),
      );
      try {
        const all = await attempt(subject, () => database.columns(statement("*", query, named)));
        const schema = schemaOf(all);
        const selection = selectColumns(all, schema, asked);
        const sql = statement(selection.list, query, named);
        return {
          schema,
          fingerprint: joinFingerprints([
            `sha256:${sha256(query)}`,
            ...named.map(({ name, files }) => `${name} ${files.length}`),
            ...await fileFingerprints(files),
          ]),
          async *recordBatches() {
            const batches = database.recordBatches(
              sql,
              selection.schema,
              rows ?? batchRows(schema),
            );
            try {
              for (;;) {
                const next = await attempt(subject, () => batches.next());
                if (next.done) break;
                yield next.value;
              }
            } finally {
              await batches.return(undefined);
            }
            for (const text of texts.splice(0)) await refuseLongPackedLines(text);
          },
          close: () => Promise.resolve(database.close()),
        };
      } catch (error) {
        database.close();
        throw error;
      }
    },
  }),
});
export default stage;

async function attempt<T>(subject: StatementSubject, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw explain(error, subject);
  }
}

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

/** The query within a statement, from its second line on, as parts of a WITH are read where used. */
function statement(list: string, query: string, tables: readonly NamedTable[]): string {
  const parts = tables.map(({ name, files }) =>
    `${quoted(name)} AS NOT MATERIALIZED (FROM ${tableOf(name, files)})`
  );
  const start = parts.length > 0 ? `WITH ${parts.join(", ")} ` : "";
  return `${start}SELECT ${list} FROM (\n${query.trimEnd().replace(/;$/, "")}\n)`;
}

function tableOf(name: string, files: readonly SourceFile[]): string {
  const paths = `[${files.map(({ path }) => literal(path)).join(", ")}]`;
  const parquet = files.filter(isParquet);
  if (parquet.length === files.length) return `read_parquet(${paths})`;
  if (parquet.length === 0) return `read_csv(${paths})`;
  throw new UserError(`the table ${name} has files of several formats`, {
    hint: `${basename(parquet[0]!.path)} is Parquet; give each format a table and UNION ALL them`,
  });
}
