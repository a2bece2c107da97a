import { type Field, makeData, RecordBatch, Schema, Struct } from "apache-arrow";
import { ArrowFileWriter } from "../src/base/files/arrow_writer.ts";
import { unwritable } from "../src/base/files/unwritable.ts";
import { type Problem, UserError } from "../src/base/errors.ts";
import { hint, type HintText } from "../src/base/hints.ts";
import { listed } from "../src/base/listed.ts";
import { didYouMean, nearest } from "../src/base/nearest.ts";
import { quoted } from "../src/base/quoted.ts";
import { type Dataset, mayBeNumbers, type Source, type SourceStage } from "../src/stages/source.ts";
import arrow from "../plugins/sources/arrow.ts";
import csv from "../plugins/sources/csv.ts";
import parquet from "../plugins/sources/parquet.ts";
import sql from "../plugins/sources/sql.ts";

/** The options for converting a file to an Arrow file. */
export interface ConvertOptions {
  /**
   * A Parquet, CSV, TSV, or Arrow file, or a DuckDB database. The file extension decides the
   * format.
   */
  readonly from: string;
  /** The path of the new Arrow file. */
  readonly to: string;
  /** A SQL query over the database, or over the file, whose table name in the query is `data`. */
  readonly query?: string | undefined;
  /** The columns to keep; all by default. */
  readonly columns?: readonly string[] | undefined;
  /** Texts in a CSV file that mean null, in addition to the empty text. */
  readonly nulls?: readonly string[] | undefined;
  /** Receives warnings about the written data. */
  readonly onWarning?: ((warning: Problem) => void) | undefined;
  /** The maximum number of rows per record batch; chosen by the source by default. */
  readonly batchRows?: number | undefined;
  /** Called after each written record batch. */
  readonly onRows?: ((rows: number, of: number | undefined) => void) | undefined;
  /** Aborts the conversion and removes the unfinished file. */
  readonly signal?: AbortSignal | undefined;
}

const formats: readonly (readonly [extensions: RegExp, format: string])[] = [
  [/\.(parquet|parq|pq)$/i, "parquet"],
  [/\.(csv|tsv|tab|txt)(\.gz|\.zst)?$/i, "csv"],
  [/\.(arrow|arrows|feather|ipc)$/i, "arrow"],
  [/\.(duckdb|ddb|db)$/i, "duckdb"],
];

/**
 * Converts a file to an Arrow file, one record batch at a time. The input can have another format,
 * or be an Arrow file that is compressed or a stream. The new file appears only when it is
 * complete.
 *
 * @param options The options.
 * @returns The number of rows.
 * @throws {UserError} If the input cannot be read or the output cannot be written.
 */
export async function convert(options: ConvertOptions): Promise<number> {
  const { to, columns, signal } = options;
  const dataset = await sourceOf(options).open({ columns });
  for (const warning of textWarnings(dataset)) options.onWarning?.(warning);
  let writer: ArrowFileWriter | undefined;
  try {
    const schema = new Schema(keptFields(dataset.schema, columns), dataset.schema.metadata);
    writer = startFile(to, schema);
    const all = dataset.rowCounts?.reduce((sum, rows) => sum + rows, 0);
    let rows = 0;
    for await (const batch of dataset.recordBatches()) {
      signal?.throwIfAborted();
      writing(to, () => writer!.write(selected(batch, schema), options.batchRows));
      rows += batch.numRows;
      options.onRows?.(rows, all);
      // Gives signals and the progress bar a turn between record batches.
      await new Promise((resolve) => setTimeout(resolve));
    }
    signal?.throwIfAborted();
    writing(to, () => writer!.finish());
    return rows;
  } finally {
    writer?.abandon();
    await dataset.close?.();
  }
}

const formatOf = (path: string) => formats.find(([extensions]) => extensions.test(path))?.[1];

/**
 * Returns warnings about columns that become text because a few of their values are not numbers.
 */
function textWarnings({ textFacts }: Dataset): Problem[] {
  const columns = [...textFacts ?? []].filter(([, facts]) =>
    mayBeNumbers(facts) && facts.texts.length > 0
  );
  const texts = [...new Set(columns.flatMap(([, facts]) => facts.texts))];
  const added = texts.map((text) => `--null=${text}`);
  return columns.map(([name, { values, numbers, texts, first }]): Problem => {
    const count = (values: number) => values.toLocaleString("en");
    const where = first ? ` on line ${first.line ?? first.row} of ${first.file}` : "";
    return {
      message: `the column ${name} is converted to text: ${count(numbers)} of its ${
        count(values)
      } values are numbers, but ${JSON.stringify(texts[0])}${where} is not`,
      hint: hint(
        "convert/text",
        `if this text means a missing number, add ${added.map(quoted).join(" ")}`,
        { args: { add: added } },
      ),
    };
  });
}

function sourceOf({ from, query, batchRows, nulls = [] }: ConvertOptions): Source {
  const format = formatOf(from);
  if (nulls.length > 0 && (format !== "csv" || query !== undefined)) {
    throw new UserError("--null works only for CSV and TSV files without --query", {
      hint: hint("convert/null", "remove --null; in a query, use NULLIF instead", {
        args: { remove: ["--null", ...nulls, ...nulls.map((text) => `--null=${text}`)] },
      }),
      exitCode: 2,
    });
  }
  if (format === undefined) {
    throw new UserError(`${from} has an unknown file extension`, {
      hint: hint(
        "convert/format",
        "use a file that ends in .parquet, .csv, .tsv, .arrow, .feather, or .duckdb",
        { edit: "the file" },
      ),
      exitCode: 2,
    });
  }
  const make = (stage: SourceStage, options: Readonly<Record<string, unknown>>) =>
    stage.create(stage.options.parse(options), { folder: Deno.cwd() });
  if (format === "duckdb") {
    if (query !== undefined) return make(sql, { query, database: from, batchRows });
    throw new UserError(
      `${from} is a database, so a query must select the rows to convert`,
      {
        hint: hint(
          "convert/query",
          'add a query with the name of a table of the database: --query "FROM table"',
          { edit: "the query" },
        ),
        exitCode: 2,
      },
    );
  }
  if (query !== undefined) {
    if (format !== "arrow") return make(sql, { query, tables: { data: from }, batchRows });
    throw new UserError("--query does not support Arrow files", {
      hint: hint(
        "convert/arrow",
        "query the Parquet or CSV file from which the Arrow file was created",
        {
          edit: "the file",
        },
      ),
      exitCode: 2,
    });
  }
  if (format === "arrow") return make(arrow, { path: from });
  return format === "csv"
    ? make(csv, { path: from, batchRows, nullValues: ["", ...nulls] })
    : make(parquet, { path: from, batchRows });
}

/** Returns the columns to keep, in the order of the source. */
function keptFields({ fields }: Schema, asked: readonly string[] | undefined): Field[] {
  const names = fields.map(({ name }) => name);
  const missing = asked?.find((name) => !names.includes(name));
  if (missing !== undefined) {
    throw new UserError(`the data has no column ${JSON.stringify(missing)}`, {
      hint: hint(
        "convert/columns",
        `${didYouMean(missing, names)}its columns are ${listed(names)}`,
        {
          args: {
            replace: {
              [asked!.join()]: asked!.map((name) =>
                name === missing ? nearest(missing, names) ?? names[0]! : name
              ).join(),
            },
          },
        },
      ),
      exitCode: 2,
    });
  }
  const kept = fields.filter(({ name }) => !asked || asked.includes(name));
  // Columns are found by their names, so a name must be unique.
  const twice = kept.find(({ name }) => names.indexOf(name) !== names.lastIndexOf(name));
  if (twice) {
    const others = [...new Set(names)].filter((name) =>
      names.indexOf(name) === names.lastIndexOf(name)
    );
    throw new UserError(`the data has two columns with the name ${twice.name}`, {
      hint: keepOnly(others),
      exitCode: 2,
    });
  }
  return kept;
}

/** Proposes to keep only some columns, as far as `--columns` can name them. */
function keepOnly(columns: readonly string[]): HintText {
  const named = columns.filter((name) => /^[^\s,]([^,]*[^\s,])?$/.test(name)).join();
  if (named === "") {
    return hint("convert/rename", "give the columns of the file different names", {
      edit: "the file",
    });
  }
  const which = named === columns.join() ? "the other columns" : "other columns";
  return hint("convert/twice", `keep only ${which}: --columns ${quoted(named)}`, {
    args: { add: ["--columns", named] },
  });
}

/** Returns a record batch with only these columns. */
function selected(batch: RecordBatch, schema: Schema): RecordBatch {
  const children = schema.fields.map(({ name }) => {
    const at = batch.schema.fields.findIndex((field) => field.name === name);
    return batch.data.children[at]!;
  });
  const type = new Struct(schema.fields), length = batch.numRows;
  return new RecordBatch(schema, makeData({ type, length, nullCount: 0, children }));
}

function startFile(path: string, schema: Schema): ArrowFileWriter {
  try {
    return new ArrowFileWriter(path, schema);
  } catch (error) {
    throw unwritable(path, error);
  }
}

function writing(path: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    throw unwritable(path, error);
  }
}
