/**
 * Files that pyarrow, Polars, pandas and DuckDB wrote, and what is in them by their own account.
 *
 * @module
 */

import {
  type Data,
  DataType,
  type DateDay,
  DateUnit,
  type Decimal,
  type FixedSizeBinary,
  type FixedSizeList,
  type Float,
  Precision,
  type Time,
  TimeUnit,
  Vector,
} from "apache-arrow";
import { join } from "node:path";
import type { OpenRequest, Source, SourceStage } from "../../plugin.ts";
import arrow from "../../plugins/sources/arrow.ts";
import csv from "../../plugins/sources/csv.ts";
import parquet from "../../plugins/sources/parquet.ts";
import { sourceOf } from "./formats.ts";

/** The folder of the files. */
export const interopFolder: string = join(import.meta.dirname!, "..", "fixtures", "interop");

/** A value: whole numbers beyond 2⁵³, decimals and times in seconds are exact texts. */
export type Exact = null | boolean | number | string | readonly Exact[] | { [name: string]: Exact };

/** A file, or a folder of Parquet files in folders that stand for columns. */
export interface InteropFile {
  readonly file: string;
  /** What the library that wrote it has in it. */
  readonly columns: Readonly<Record<string, readonly Exact[]>>;
  /** Words of the refusal of a file that cannot be read at all. */
  readonly refused?: string;
  /** Words of the refusals of columns, by name. */
  readonly refusedColumns: Readonly<Record<string, string>>;
  /** Options of the source beside the path. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** A frame that the reference implementation of LZ4 made, in Base64. */
export interface InteropFrame {
  readonly name: string;
  readonly frame: string;
  readonly length: number;
  readonly sha256: string;
}

interface Written {
  readonly files: readonly (Omit<InteropFile, "columns"> & { columns?: Record<string, number> })[];
  readonly columns: readonly (readonly Exact[])[];
  readonly lz4: readonly InteropFrame[];
}

const written: Written = JSON.parse(
  Deno.readTextFileSync(join(interopFolder, "expected.json")),
);

/** LZ4 frames. */
export const interopFrames: readonly InteropFrame[] = written.lz4;

/** The files. */
export const interopFiles: readonly InteropFile[] = written.files.map((file) => ({
  ...file,
  refusedColumns: file.refusedColumns ?? {},
  columns: Object.fromEntries(
    Object.entries(file.columns ?? {}).map(([name, index]) => [name, written.columns[index]!]),
  ),
}));

/** What reads a file. */
export function interopSource({ file, options }: InteropFile): Source {
  const stage: SourceStage = /\.parquet$|^hive_/.test(file)
    ? parquet
    : /\.(csv|tsv)(\.gz)?$/.test(file)
    ? csv
    : arrow;
  const path = file.startsWith("hive_") ? `${file}/**/*.parquet` : file;
  return sourceOf(stage, { path, ...options }, interopFolder);
}

/** All values of a source's columns, exactly. */
export async function exactColumns(
  source: Source,
  request?: OpenRequest,
): Promise<Record<string, Exact[]>> {
  const dataset = await source.open(request);
  try {
    const names = dataset.schema.fields.map(({ name }) => name);
    const read: Record<string, Exact[]> = Object.fromEntries(
      names.filter((name) => request?.columns?.includes(name) ?? true).map((name) => [name, []]),
    );
    for await (const batch of dataset.recordBatches()) {
      batch.schema.fields.forEach(({ name }, index) => {
        const data = batch.data.children[index]!;
        for (let row = 0; row < batch.numRows; row++) read[name]?.push(exact(data, row));
      });
    }
    return read;
  } finally {
    await dataset.close?.();
  }
}

/** A value of a column, exactly: read from its buffers, where apache-arrow rounds some values. */
export function exact(data: Data, row: number): Exact {
  const { type } = data;
  if (DataType.isNull(type)) return null;
  if (data.nullCount > 0) {
    const bit = data.offset + row;
    if (!(data.nullBitmap![bit >> 3]! >> (bit & 7) & 1)) return null;
  }
  if (DataType.isDictionary(type)) return entryOf(data, Number(data.values[row]));
  if (DataType.isList(type) || DataType.isLargeList(type)) {
    const [from, to] = [Number(data.valueOffsets[row]), Number(data.valueOffsets[row + 1])];
    return itemsOf(data.children[0]!, from, to);
  }
  if (DataType.isFixedSizeList(type)) {
    const { listSize } = type as FixedSizeList;
    return itemsOf(data.children[0]!, row * listSize, (row + 1) * listSize);
  }
  if (DataType.isStruct(type)) {
    return Object.fromEntries(
      type.children.map(({ name }, index) => [name, exact(data.children[index]!, row)]),
    );
  }
  if (DataType.isBool(type)) {
    const bit = data.offset + row;
    return (data.values[bit >> 3]! >> (bit & 7) & 1) === 1;
  }
  if (DataType.isFixedSizeBinary(type)) {
    const { byteWidth } = type as FixedSizeBinary;
    return [...data.values.subarray(row * byteWidth, (row + 1) * byteWidth)];
  }
  if (DataType.isFloat(type)) {
    const { precision } = type as Float;
    const { buffer, byteOffset, length } = data.values as Uint16Array;
    const values = precision === Precision.HALF
      ? new Float16Array(buffer, byteOffset, length)
      : data.values;
    const value = values[row] as number;
    return Number.isFinite(value) ? value : String(value);
  }
  if (DataType.isDecimal(type)) return decimalOf(data.values as Uint32Array, row, type as Decimal);
  if (isTime(type)) return timeOf(BigInt(data.values[row]), type);
  if (DataType.isInt(type)) {
    const value = data.values[row] as number | bigint;
    return typeof value === "number" || (value > -limit && value < limit)
      ? Number(value)
      : String(value);
  }
  const value = new Vector([data]).get(row) as string | Uint8Array;
  return typeof value === "string" ? value : [...value];
}

const limit = 2n ** 53n;

const itemsOf = (child: Data, from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => exact(child, from + index));

function entryOf({ dictionary }: Data, index: number): Exact {
  let first = 0;
  for (const part of dictionary!.data) {
    if (index < first + part.length) return exact(part, index - first);
    first += part.length;
  }
  throw new RangeError(`a dictionary of ${first} has no entry ${index}`);
}

function decimalOf(words: Uint32Array, row: number, { bitWidth, scale }: Decimal): string {
  const count = bitWidth / 32;
  let whole = 0n;
  for (let word = count - 1; word >= 0; word--) {
    whole = whole << 32n | BigInt(words[row * count + word]!);
  }
  const value = BigInt.asIntN(bitWidth, whole);
  const sign = value < 0n ? "-" : "", digits = String(value < 0n ? -value : value);
  if (scale <= 0) return value === 0n ? "0" : sign + digits + "0".repeat(-scale);
  const padded = digits.padStart(scale + 1, "0");
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}

const isTime = (type: DataType) =>
  DataType.isDate(type) || DataType.isTime(type) || DataType.isTimestamp(type) ||
  DataType.isDuration(type);

/** Seconds, as exact text. */
function timeOf(value: bigint, type: DataType): string {
  if (DataType.isDate(type) && (type as DateDay).unit === DateUnit.DAY) {
    return String(value * 86_400n);
  }
  const places = DataType.isDate(type) ? 3 : {
    [TimeUnit.SECOND]: 0,
    [TimeUnit.MILLISECOND]: 3,
    [TimeUnit.MICROSECOND]: 6,
    [TimeUnit.NANOSECOND]: 9,
  }[(type as Time).unit];
  const sign = value < 0n ? "-" : "";
  const digits = String(value < 0n ? -value : value).padStart(places + 1, "0");
  const fraction = digits.slice(digits.length - places).replace(/0+$/, "");
  return sign + digits.slice(0, digits.length - places) + (fraction && `.${fraction}`);
}
