import { Schema } from "apache-arrow";
import { defineSource, pathOption, type SourceStage, UserError, z } from "../../plugin.ts";
import { commonMetadata, type FileMetadata, huggingFaceKey } from "./class_labels.ts";
import { commonFields, widened } from "./conform.ts";
import {
  type Database,
  type DuckColumn,
  literal,
  pathLiteral,
  quoted,
  schemaOf,
  selectColumns,
} from "./duckdb.ts";
import { brokenText } from "./duckdb_errors.ts";
import { decodeHint } from "./utf8.ts";
import {
  batchRowsOption,
  type FileKind,
  filePatterns,
  findFiles,
  type SourceFile,
} from "./files.ts";
import { describeSchema } from "./parquet_types.ts";
import { openTableFiles, type TableFormat, type Tables } from "./table_files.ts";

/** The Parquet format, with its file name extensions. */
export const parquetFiles: FileKind = { format: "Parquet", extensions: /\.(parquet|parq|pq)$/i };

/** Reads Parquet files with DuckDB, which skips row groups that have no requested row. */
const format: TableFormat = {
  explain: explainText,
  async describe(database, files, request, attempt) {
    const columns = new Map<SourceFile, DuckColumn[]>(), rowCounts = new Map<SourceFile, number>();
    for (const file of files) {
      await attempt(file, async () => {
        const { names, changed } = await describeSchema(database, file);
        const found = await columnsOf(database, file, names, request.columns);
        columns.set(
          file,
          found.map((column, index) => {
            // DuckDB renames columns whose names differ only in case.
            const name = names.length === found.length ? names[index]! : column.name;
            const refusal = changed.get(name);
            return {
              ...column,
              ...(name !== column.name && { name, sql: column.name }),
              ...(refusal && { refusal }),
            };
          }),
        );
        const [count] = await database.firstRow(`SELECT count(*) FROM ${tableOf(file)}`);
        rowCounts.set(file, Number(count));
      });
    }
    const withoutValues = (file: SourceFile, names: readonly string[]) =>
      attempt(file, () => columnsWithoutValues(database, file, columns.get(file)!, names));
    const fields = await commonFields(files.map((file) => ({
      ...file,
      fields: schemaOf(columns.get(file)!, file.name).fields,
      withoutValues: (names) => withoutValues(file, names),
    })));
    const metadata: FileMetadata[] = [];
    for (const file of files) {
      metadata.push(await attempt(file, () => metadataOf(database, file)));
    }
    const schema = new Schema(fields, commonMetadata(metadata));
    const groupRows = request.batchRows === undefined
      ? await attempt(files[0]!, () => groupRowsOf(database, files[0]!))
      : undefined;
    return tablesOf({ columns, rowCounts, groupRows, withoutValues }, schema);
  },
};

/** Returns the number of rows of the first row group of a file; undefined without one. */
async function groupRowsOf(database: Database, file: SourceFile): Promise<number | undefined> {
  const [rows] = await database.firstRow(
    `SELECT row_group_num_rows FROM parquet_metadata(${pathLiteral(file.path)}) LIMIT 1`,
  );
  return rows === undefined ? undefined : Number(rows);
}

/** Reads the metadata of Hugging Face from a file, which contain the names of classes. */
async function metadataOf(database: Database, file: SourceFile): Promise<FileMetadata> {
  const [text] = await database.firstRow(
    `SELECT max(decode(value)) FROM parquet_kv_metadata(${pathLiteral(file.path)}) ` +
      `WHERE key = ${literal(huggingFaceKey)}::BLOB`,
  );
  const metadata = new Map<string, string>();
  if (typeof text === "string") metadata.set(huggingFaceKey, text);
  return { name: file.name, metadata };
}

/** If a file has more columns than this, only the requested columns get types. */
const maxTyped = 4_096;

/** Maximum number of columns in one statement. */
const columnsAtOnce = 4_096;

/**
 * Returns the columns of a file. In a wide file, columns that were not requested get no type,
 * because DuckDB needs quadratic time to describe all columns. The number of rows per record batch
 * is the same as if they had a type.
 */
async function columnsOf(
  database: Database,
  file: SourceFile,
  names: readonly string[],
  asked: readonly string[] | undefined,
): Promise<DuckColumn[]> {
  const table = tableOf(file);
  // DuckDB renames columns whose names differ only in case.
  const distinct = new Set(names.map((name) => name.toLowerCase())).size === names.length;
  if (names.length <= maxTyped || !distinct) return await database.columns(`FROM ${table}`);
  const wanted = asked && new Set(asked);
  const typed = names.filter((name) => !wanted || wanted.has(name));
  const found = new Map<string, DuckColumn>();
  for (let at = 0; at < typed.length; at += columnsAtOnce) {
    const list = typed.slice(at, at + columnsAtOnce).map(quoted).join(", ");
    for (const column of await database.columns(`SELECT ${list} FROM ${table}`)) {
      found.set(column.name, column);
    }
  }
  return names.map((name) => found.get(name) ?? { name, type: untyped, arrow: undefined });
}

/** Type of columns that were not requested: the type of NULL. */
const untyped = { typeId: 36, toString: () => "NULL" } as unknown as DuckColumn["type"];

/**
 * Finds the column of a text that is not valid UTF-8, because DuckDB's error names only the text.
 */
async function explainText(
  database: Database,
  file: SourceFile,
  error: unknown,
): Promise<UserError | undefined> {
  const text = brokenText(error);
  if (text === undefined) return undefined;
  for (const { name, type } of await database.columns(`FROM ${tableOf(file)}`)) {
    const value = `max(strlen(CAST(${quoted(name)} AS VARCHAR)))`;
    try {
      await database.firstRow(`SELECT ${value} FROM ${tableOf(file)}`);
    } catch (other) {
      if (brokenText(other) === undefined) continue;
      return new UserError(
        `${file.name} has text that is not valid UTF-8 in the column ${name}: ${text}`,
        { hint: decodeHint(String(type) === "VARCHAR" ? name : undefined), cause: error },
      );
    }
  }
  return undefined;
}

/** Columns and row counts of files. */
interface KnownFiles {
  readonly columns: ReadonlyMap<SourceFile, DuckColumn[]>;
  readonly rowCounts: ReadonlyMap<SourceFile, number>;
  readonly groupRows: number | undefined;
  /** Returns those of the named columns of a file in which all rows are null. */
  readonly withoutValues: (
    file: SourceFile,
    names: readonly string[],
  ) => Promise<ReadonlySet<string>>;
}

async function columnsWithoutValues(
  database: Database,
  file: SourceFile,
  columns: readonly DuckColumn[],
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const asked = new Set(names);
  const wanted = columns.filter(({ name }) => asked.has(name));
  const found = await database.withoutValues(
    tableOf(file),
    wanted.map(({ name, sql = name }) => sql),
  );
  return new Set(
    wanted.filter(({ name, sql = name }) => found.has(sql)).map(({ name }) => name),
  );
}

function tablesOf(files: KnownFiles, schema: Schema): Tables {
  const { columns, rowCounts, groupRows } = files;
  /** Returns those of the named columns in which all rows of all files are null. */
  const withoutValues = async (names: readonly string[]) => {
    const found = new Set(names);
    for (const file of columns.keys()) {
      const own = await files.withoutValues(file, [...found]);
      for (const name of found) if (!own.has(name)) found.delete(name);
    }
    return found;
  };
  return {
    schema,
    rowCounts,
    groupRows,
    withoutValues,
    statement(file, names, range) {
      const own = columns.get(file)!;
      const { list, schema } = selectColumns(own, schemaOf(own, file.name), names);
      const from = range
        ? `${
          tableOf(file, "file_row_number = true")
        } WHERE file_row_number BETWEEN ${range.first} AND ${range.last - 1}`
        : tableOf(file);
      return { sql: `SELECT ${list} FROM ${from}`, schema };
    },
    async widen(fields) {
      const free = await withoutValues(fields.map(({ name }) => name));
      return tablesOf(files, widened(schema, fields, free));
    },
  };
}

const tableOf = ({ path }: SourceFile, ...options: string[]) =>
  // Rocket itself reads partition values from folder names, in the same way for all sources.
  `read_parquet(${[`[${pathLiteral(path)}]`, "hive_partitioning = false", ...options].join(", ")})`;

/** Reads rows from Parquet files with DuckDB: only the requested columns, in batches. */
const stage: SourceStage = defineSource({
  name: "parquet",
  summary: "Reads Parquet files, one or many; skips columns that the pipeline does not use.",
  options: z.object({
    path: pathOption(
      filePatterns("data/part-*.parquet").describe(
        "A file, a glob such as data/part-*.parquet (read in the order of their names), or a list of them; relative to the pipeline file.",
      ),
    ),
    batchRows: batchRowsOption,
  }),
  example: `use: parquet
path: ../data/clicks-*.parquet`,
  create: ({ path, batchRows }, { folder }) => ({
    async open(request) {
      const files = await findFiles([path].flat(), folder, parquetFiles);
      return await openTableFiles(files, format, { ...request, batchRows });
    },
  }),
});
export default stage;
