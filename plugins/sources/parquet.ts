import { defineSource, pathOption, type SourceStage, z } from "../../plugin.ts";
import { literal } from "./duckdb.ts";
import { batchRowsOption, type FileKind, filePatterns, findFiles } from "./files.ts";
import { changedColumns, columnNames } from "./parquet_types.ts";
import { openTableFiles, type TableFormat } from "./table_files.ts";

/** What Parquet files are called. */
export const parquetFiles: FileKind = { format: "Parquet", extensions: /\.(parquet|parq|pq)$/i };

/** How DuckDB reads them. Row groups without any wanted row are skipped. */
const format: TableFormat = {
  table: ({ path }) => `read_parquet([${literal(path)}])`,
  changedColumns,
  columnNames,
  range: {
    table: ({ path }, first, last) =>
      `read_parquet([${
        literal(path)
      }], file_row_number = true) WHERE file_row_number BETWEEN ${first} AND ${last - 1}`,
    count: ({ path }) => `SELECT count(*) FROM read_parquet([${literal(path)}])`,
  },
};

/** Rows from Parquet files, read with DuckDB: the columns alone that are asked for, in batches. */
const stage: SourceStage = defineSource({
  name: "parquet",
  summary: "Reads Parquet files, one or many, and of them the columns that are used.",
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
