import {
  Binary,
  type Data,
  DataType,
  type Dictionary,
  Field,
  makeBuilder,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  Vector,
} from "apache-arrow";
import { ArrowFileWriter } from "../files/arrow_writer.ts";
import { unwritable } from "../files/unwritable.ts";
import { UserError } from "../pipeline/errors.ts";
import { didYouMean } from "../pipeline/nearest.ts";
import type { Dataset, Source, SourceStage } from "../pipeline/stages/source.ts";
import arrow from "../plugins/sources/arrow.ts";
import csv from "../plugins/sources/csv.ts";
import parquet from "../plugins/sources/parquet.ts";
import sql from "../plugins/sources/sql.ts";

/** What is converted. */
export interface ConvertOptions {
  /** A Parquet, CSV, TSV or Arrow file, or a DuckDB database, by the end of its name. */
  readonly from: string;
  /** The Arrow file to be. */
  readonly to: string;
  /** What to read of a database; or of a file, which the query calls `data`. */
  readonly query?: string | undefined;
  /** The columns to keep; all by default. */
  readonly columns?: readonly string[] | undefined;
  /** How many rows a record batch has, at most; as the source has it by default. */
  readonly batchRows?: number | undefined;
  /** Told of each record batch that was written. */
  readonly onRows?: ((rows: number, of: number | undefined) => void) | undefined;
  /** Ends the conversion; nothing is left of it then. */
  readonly signal?: AbortSignal | undefined;
}

const formats: readonly (readonly [extensions: RegExp, format: string])[] = [
  [/\.(parquet|parq|pq)$/i, "parquet"],
  [/\.(csv|tsv|tab|txt)(\.gz|\.zst)?$/i, "csv"],
  [/\.(arrow|arrows|feather|ipc)$/i, "arrow"],
  [/\.(duckdb|ddb|db)$/i, "duckdb"],
];

/**
 * Makes an Arrow file of a file in another format, or of an Arrow file that is compressed or a stream:
 * record batch by record batch. The file is there once it is whole.
 *
 * @param options What is converted.
 * @returns How many rows were written.
 * @throws {UserError} If it cannot be read or written.
 */
export async function convert(options: ConvertOptions): Promise<number> {
  const { from, to, columns, signal } = options;
  const dataset = await sourceOf(options).open({ columns });
  let writer: ArrowFileWriter | undefined;
  try {
    const plan = planColumns(dataset, columns, await isStream(from));
    writer = startFile(to, plan.schema);
    const all = dataset.rowCounts?.reduce((sum, rows) => sum + rows, 0);
    let rows = 0;
    for await (const batch of dataset.recordBatches()) {
      for (const part of parts(plan.take(batch), options.batchRows)) {
        signal?.throwIfAborted();
        writing(to, () => writer!.write(part));
        rows += part.numRows;
        options.onRows?.(rows, all);
      }
      // Between two batches signals and the bar have their turn.
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

function sourceOf({ from, query, batchRows }: ConvertOptions): Source {
  const format = formatOf(from);
  if (format === undefined) {
    throw new UserError(`${from} has no name of a format that is known here`, {
      hint: "what can be read: .parquet, .csv, .tsv, .arrow, .feather, .duckdb",
      exitCode: 2,
    });
  }
  const make = (stage: SourceStage, options: Readonly<Record<string, unknown>>) =>
    stage.create(stage.options.parse(options), { folder: Deno.cwd() });
  if (format === "duckdb") {
    if (query !== undefined) return make(sql, { query, database: from, batchRows });
    throw new UserError(`${from} is a database: say what to read of it`, {
      hint: '--query "FROM table"',
      exitCode: 2,
    });
  }
  if (query !== undefined) {
    if (format !== "arrow") return make(sql, { query, tables: { data: from }, batchRows });
    throw new UserError("an Arrow file cannot be queried", {
      hint: "query the Parquet or CSV file that it was made of",
      exitCode: 2,
    });
  }
  if (format === "arrow") return make(arrow, { path: from });
  return make(format === "csv" ? csv : parquet, { path: from, batchRows });
}

/** Whether it is an Arrow stream, whose record batches may each bring another dictionary. */
async function isStream(path: string): Promise<boolean> {
  if (formatOf(path) !== "arrow") return false;
  const file = await Deno.open(path);
  try {
    const start = new Uint8Array(6);
    await file.read(start);
    return new TextDecoder().decode(start) !== "ARROW1";
  } finally {
    file.close();
  }
}

interface ColumnPlan {
  readonly schema: Schema;
  take(batch: RecordBatch): RecordBatch;
}

function planColumns(
  { schema }: Dataset,
  asked: readonly string[] | undefined,
  plainDictionaries: boolean,
): ColumnPlan {
  const names = schema.fields.map(({ name }) => name);
  const missing = asked?.find((name) => !names.includes(name));
  if (missing !== undefined) {
    throw new UserError(`the data has no column ${JSON.stringify(missing)}`, {
      hint: `${didYouMean(missing, names)}its columns are ${names.join(", ")}`,
      exitCode: 2,
    });
  }
  const kept = schema.fields.filter(({ name }) => !asked || asked.includes(name));
  const fields = kept.map(({ name, type, nullable, metadata }) => {
    return new Field(name, writtenType(type, plainDictionaries), nullable, metadata);
  });
  const written = new Schema(fields, schema.metadata);
  const struct = new Struct(fields);
  return {
    schema: written,
    take(batch) {
      const children = kept.map(({ name }, index) => {
        const at = batch.schema.fields.findIndex((field) => field.name === name);
        const data = batch.data.children[at]!;
        const { type } = fields[index]!;
        return type === kept[index]!.type ? data : rewritten(data, type);
      });
      const length = batch.numRows;
      return new RecordBatch(
        written,
        makeData({ type: struct, length, nullCount: 0, children }),
      );
    },
  };
}

/** The type that a column is written with: that which it has, or a plainer one. */
function writtenType(type: DataType, plainDictionaries: boolean): DataType {
  if (DataType.isDictionary(type) && plainDictionaries) return (type as Dictionary).dictionary;
  // apache-arrow does not cut them into parts correctly, and many readers do not know them.
  if (DataType.isUtf8View(type)) return new Utf8();
  return DataType.isBinaryView(type) ? new Binary() : type;
}

/** The same values with another type. */
function rewritten(data: Data, type: DataType): Data {
  const vector = new Vector([data]);
  const builder = makeBuilder({ type, nullValues: [null] });
  for (let row = 0; row < data.length; row++) builder.append(vector.get(row));
  return builder.finish().flush();
}

/** A record batch in parts of some rows; an empty one has none. */
function* parts(batch: RecordBatch, rows = Infinity): Generator<RecordBatch> {
  if (batch.numRows > 0 && batch.numRows <= rows) return yield batch;
  for (let start = 0; start < batch.numRows; start += rows) {
    yield batch.slice(start, Math.min(start + rows, batch.numRows));
  }
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
