/**
 * Files in many formats that pyarrow and DuckDB wrote, and what is in them by their own account.
 *
 * @module
 */

import {
  DataType,
  type Decimal,
  type RecordBatch,
  type Time,
  TimeUnit,
  type Vector,
} from "apache-arrow";
import { join } from "node:path";
import { loadDuckdb } from "../../plugins/sources/duckdb.ts";
import type { OpenRequest, Source, SourceStage } from "../../plugin.ts";

/** The folder of the files. */
export const formats: string = join(import.meta.dirname!, "..", "fixtures", "formats");

/** The columns of each file, by the library that wrote it. */
export const expectedOf: Readonly<Record<string, Readonly<Record<string, readonly unknown[]>>>> =
  JSON.parse(Deno.readTextFileSync(join(formats, "expected.json")));

/** A source made of a stage and its options, in a folder. */
export function sourceOf(
  stage: SourceStage,
  options: Readonly<Record<string, unknown>>,
  folder = formats,
): Source {
  return stage.create(stage.options.parse(options), { folder });
}

/** The values of a source's columns, as {@linkcode expectedOf} has them. */
export async function readColumns(
  source: Source,
  request?: OpenRequest,
): Promise<Record<string, unknown[]>> {
  const dataset = await source.open(request);
  try {
    const columns: Record<string, unknown[]> = {};
    if (!request) { for (const { name } of dataset.schema.fields) columns[name] = []; }
    for await (const batch of dataset.recordBatches()) addColumns(batch, columns);
    return columns;
  } finally {
    await dataset.close?.();
  }
}

/** Adds the values of a record batch to columns. */
export function addColumns(batch: RecordBatch, columns: Record<string, unknown[]>): void {
  batch.schema.fields.forEach(({ name }, index) => {
    const vector = batch.getChildAt(index)!;
    const values = columns[name] ??= [];
    for (let row = 0; row < batch.numRows; row++) values.push(plainOf(vector, row));
  });
}

function plainOf(vector: Vector, row: number): unknown {
  const value = vector.get(row);
  if (value === null) return null;
  const { type } = vector;
  if (DataType.isDictionary(type)) return value;
  if (DataType.isDecimal(type)) return decimalText(value as Uint32Array, type as Decimal);
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isFixedSizeList(type)) {
    const items = value as Vector;
    return Array.from({ length: items.length }, (_, index) => plainOf(items, index));
  }
  if (DataType.isStruct(type)) {
    return Object.fromEntries(
      type.children.map(({ name }, index) => [name, plainOf(vector.getChildAt(index)!, row)]),
    );
  }
  if (DataType.isDate(type) || DataType.isTimestamp(type)) return Number(value) / 1000;
  if (DataType.isTime(type) || DataType.isDuration(type)) {
    return Number(value) / perSecond[(type as Time).unit];
  }
  if (value instanceof Uint8Array) return [...value];
  if (typeof value === "bigint") return isSafe(value) ? Number(value) : String(value);
  return value;
}

const isSafe = (value: bigint) => value > -(2n ** 53n) && value < 2n ** 53n;

const perSecond = {
  [TimeUnit.SECOND]: 1,
  [TimeUnit.MILLISECOND]: 1e3,
  [TimeUnit.MICROSECOND]: 1e6,
  [TimeUnit.NANOSECOND]: 1e9,
};

function decimalText(words: Uint32Array, { scale, bitWidth }: Decimal): string {
  const unsigned = words.reduceRight((whole, word) => whole << 32n | BigInt(word), 0n);
  const whole = BigInt.asIntN(bitWidth, unsigned);
  const digits = String(whole < 0n ? -whole : whole).padStart(scale + 1, "0");
  const sign = whole < 0n ? "-" : "";
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/**
 * Runs a test with a folder of files.
 *
 * @param files Their contents by name.
 * @param test The test; the folder is removed afterwards.
 */
export async function withFiles(
  files: Readonly<Record<string, Uint8Array | string>>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await Deno.writeFile(join(folder, name), bytes);
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Writes what a query gives with DuckDB.
 *
 * @param query The query.
 * @param file The Parquet file to be.
 * @param rowGroup How many rows a row group has.
 */
export async function writeParquet(
  query: string,
  file: string,
  rowGroup = 100_000,
): Promise<void> {
  const { DuckDBInstance } = (await loadDuckdb()).api;
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(
    `COPY (${query}) TO '${file}' (FORMAT parquet, ROW_GROUP_SIZE ${rowGroup})`,
  );
  connection.closeSync();
  instance.closeSync();
}
