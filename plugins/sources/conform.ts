/**
 * Conversion of a file's columns to the columns of the source: the types and the order that all
 * files have in common, plus the columns from the names of partition folders.
 *
 * @module
 */

import {
  type Data,
  DataType,
  type Date_,
  DateUnit,
  Field,
  makeBuilder,
  makeData,
  type RecordBatch,
  Schema,
  type Timestamp,
} from "apache-arrow";
import { cellReader, commonType, hint, recordBatchOf, UserError } from "../../plugin.ts";
import { sameColumns } from "./hints.ts";
import { partitionFields, type Partitions, partitionValue } from "./hive.ts";

/**
 * The columns that one file of a source contributes, including those from the names of its folders.
 */
export interface FileColumns {
  /** The file's name, as written in the pipeline file. */
  readonly name: string;
  /** The columns in the file. */
  readonly fields: readonly Field[];
  /** The columns from the names of the file's partition folders. */
  readonly partitions: Partitions;
  /**
   * Returns those of the given columns that contain only nulls. Called only for columns whose types
   * differ between files.
   */
  readonly withoutValues: (names: readonly string[]) => Promise<ReadonlySet<string>>;
}

/**
 * Returns the common columns of several files: in the order of the first file, followed by the
 * columns from partition folders. A file in which a column contains only nulls does not affect the
 * type of this column.
 *
 * @param files The files, at least one.
 * @throws {UserError} If a file lacks a column of another file, or if the types of a column have no
 *   common type.
 */
export async function commonFields(files: readonly FileColumns[]): Promise<Field[]> {
  const [first, ...others] = files;
  const own = ({ fields }: FileColumns) => {
    const named = new Map<string, Field>();
    // The first of two columns with the same name is used.
    for (const field of fields) if (!named.has(field.name)) named.set(field.name, field);
    return named;
  };
  const columns = new Map(files.map((file) => [file, own(file)]));
  const withoutValues = await filesWithoutValues(columns);
  const fields = own(first!);
  /**
   * The columns that contain only nulls in all files so far. Their types are replaced by that of
   * the first file with values.
   */
  const undecided = new Set(
    Array.from(fields.keys()).filter((name) => withoutValues.get(first!)?.has(name)),
  );
  for (const file of others) {
    const found = columns.get(file)!;
    for (const name of new Set([...fields.keys(), ...found.keys()])) {
      const before = fields.get(name), now = found.get(name);
      const empty = withoutValues.get(file)?.has(name);
      const type = before && now && (
        empty ? before.type : undecided.delete(name) ? now.type : commonType(before.type, now.type)
      );
      if (!type) throw differs(name, first!, before, file, now);
      if (String(type) === String(before.type) && before.nullable >= now.nullable) continue;
      const nullable = before.nullable || now.nullable;
      fields.set(name, new Field(name, type, nullable, before.metadata));
    }
  }
  const twice = namedTwice(files).flatMap((name) => fields.get(name) ?? []);
  return [...fields.values(), ...twice, ...partitionFields(files)];
}

/**
 * Returns, for each file, the columns that contain only nulls, among the columns whose types differ
 * between files.
 */
async function filesWithoutValues(
  columns: ReadonlyMap<FileColumns, ReadonlyMap<string, Field>>,
): Promise<Map<FileColumns, ReadonlySet<string>>> {
  const types = new Map<string, Set<string>>();
  for (const { name, type } of columns.values().flatMap((fields) => fields.values())) {
    const known = types.get(name);
    if (known) known.add(String(type));
    else types.set(name, new Set([String(type)]));
  }
  const differing = [...types].filter(([, { size }]) => size > 1).map(([name]) => name);
  const found = new Map<FileColumns, ReadonlySet<string>>();
  if (differing.length === 0) return found;
  for (const [file, fields] of columns) {
    found.set(file, await file.withoutValues(differing.filter((name) => fields.has(name))));
  }
  return found;
}

/**
 * Returns the names that occur twice in one file. The source keeps both columns, so that a reader
 * of the column sees that its name is ambiguous and reports an error.
 */
function namedTwice(files: readonly FileColumns[]): string[] {
  const twice = new Set<string>();
  for (const { fields } of files) {
    const seen = new Set<string>();
    for (const { name } of fields) (seen.has(name) ? twice : seen).add(name);
  }
  return [...twice];
}

function differs(
  column: string,
  first: FileColumns,
  expected: Field | undefined,
  file: FileColumns,
  found: Field | undefined,
): UserError {
  const what = ({ name }: FileColumns, field: Field | undefined) =>
    field ? `${field.type} in ${name}` : `${name} has no such column`;
  return new UserError(
    `the column ${column} differs between files: ${what(first, expected)}, ${what(file, found)}`,
    { hint: sameColumns() },
  );
}

/**
 * Returns a schema in which some columns have wider types.
 *
 * @param schema The schema.
 * @param fields The columns to change. A column keeps its type if the new type is not wider.
 * @param withoutValues The names of the columns that contain only nulls. These can have any type.
 */
export function widened(
  schema: Schema,
  fields: readonly Field[],
  withoutValues: ReadonlySet<string> = new Set(),
): Schema {
  const wider = new Map(fields.map((field) => [field.name, field.type]));
  return new Schema(
    schema.fields.map((field) => {
      const given = wider.get(field.name) ?? field.type;
      const type = withoutValues.has(field.name) ? given : commonType(field.type, given);
      if (!type || String(type) === String(field.type)) return field;
      return new Field(field.name, type, field.nullable, field.metadata);
    }),
    schema.metadata,
  );
}

/**
 * Converts a record batch of a file to the columns of the source. Columns from partition folders
 * are added.
 *
 * @param batch The record batch.
 * @param schema The expected columns. Columns that are neither in the batch nor in the partition
 *   folders are left out.
 * @param file The file, its partitions, and the index in the file of the batch's first row (from
 *   0), for messages.
 * @throws {UserError} If a value cannot be represented in the type of its column.
 */
export function conform(
  batch: RecordBatch,
  schema: Schema,
  file: Pick<FileColumns, "name" | "partitions"> & { readonly firstRow: number },
): RecordBatch {
  const rows = batch.numRows;
  const children: Data[] = [], fields: Field[] = [];
  const own = dataByName(batch);
  for (const field of schema.fields) {
    const data = own.get(field.name);
    if (data) children.push(cast(data, field.type, { ...file, column: field.name }));
    else if (file.partitions.has(field.name)) {
      children.push(constant(field.type, partitionValue(file.partitions, field), rows));
    } else continue;
    fields.push(field);
  }
  const same = children.length === batch.data.children.length &&
    children.every((data, index) => data === batch.data.children[index]);
  if (same) return batch;
  return recordBatchOf(
    fields.length === schema.fields.length ? schema : new Schema(fields, batch.schema.metadata),
    children,
    rows,
  );
}

/**
 * Returns the columns of a record batch by name. The first of two columns with the same name is
 * used.
 */
function dataByName({ schema, data: { children } }: RecordBatch): Map<string, Data> {
  const named = new Map<string, Data>();
  for (const [index, { name }] of schema.fields.entries()) {
    if (!named.has(name)) named.set(name, children[index] as Data);
  }
  return named;
}

/** Returns a column that repeats one value. */
function constant(type: DataType, value: unknown, rows: number): Data {
  const builder = makeBuilder({ type, nullValues: [null] });
  for (let row = 0; row < rows; row++) builder.append(value);
  return builder.finish().flush();
}

interface CastPlace {
  readonly name: string;
  readonly firstRow: number;
  readonly column: string;
}

/** Converts a column to a wider type. */
function cast(data: Data, type: DataType, place: CastPlace): Data {
  if (String(data.type) === String(type)) return data;
  if (data.nullCount === data.length) return constant(type, null, data.length);
  const refuse = (row: number, value: unknown) =>
    new UserError(
      `row ${
        place.firstRow + row
      } of ${place.name} has ${value} in the column ${place.column}; expected ${type} (rows count from 0)`,
      {
        hint: hint(
          "source/type",
          `other files have ${type} in this column: write all files with the same type`,
          { edit: "the data file" },
        ),
      },
    );
  if (DataType.isTimestamp(type)) return castMoments(data, type, refuse);
  const convert = converter(data.type, type);
  const read = cellReader(data);
  const builder = makeBuilder({ type, nullValues: [null] });
  for (let row = 0; row < data.length; row++) {
    const value = read(row);
    const wider = value === null ? null : convert(value);
    if (wider === undefined) throw refuse(row, value);
    builder.append(wider);
  }
  return builder.finish().flush();
}

/** Units per second, by the number of Arrow's `TimeUnit`. */
const perSecond = [1n, 1_000n, 1_000_000n, 1_000_000_000n];

/** Converts dates and timestamps to another unit. A `Vector` would round them to milliseconds. */
function castMoments(
  data: Data,
  type: Timestamp,
  refuse: (row: number, value: unknown) => UserError,
): Data {
  const from = data.type;
  const unit = perSecond[type.unit]!;
  const factor = DataType.isTimestamp(from)
    ? unit / perSecond[from.unit]!
    : (from as Date_).unit === DateUnit.DAY
    ? 86_400n * unit
    : unit / 1_000n;
  const divided = factor === 0n ? 1_000n / unit : 1n;
  const values = new BigInt64Array(data.length);
  const validity = new Uint8Array((data.length + 7) >> 3);
  for (let row = 0; row < data.length; row++) {
    if (!data.getValid(row)) continue;
    validity[row >> 3]! |= 1 << (row & 7);
    const value = BigInt(data.values[row]);
    const finer = factor === 0n ? value / divided : value * factor;
    values[row] = finer;
    if (values[row] !== finer || value % divided !== 0n) throw refuse(row, value);
  }
  const { length, nullCount } = data;
  return makeData({
    type,
    data: values,
    length,
    nullCount,
    ...(nullCount > 0 && { nullBitmap: validity }),
  });
}

/**
 * Returns a function that converts a value to a wider type. It returns undefined for a value that
 * the type cannot represent exactly.
 */
function converter(from: DataType, to: DataType): (value: unknown) => unknown {
  if (DataType.isFloat(to)) {
    return (value) => {
      const number = Number(value);
      return typeof value !== "bigint" || BigInt(number) === value ? number : undefined;
    };
  }
  if (DataType.isInt(to)) {
    return to.bitWidth === 64 ? (value) => BigInt(value as number) : Number;
  }
  if (DataType.isList(to) || DataType.isFixedSizeList(to)) {
    const child = converter(from.children[0]!.type, to.children[0]!.type);
    return (value) => {
      const values = Array.from(value as Iterable<unknown>, (it) => it === null ? null : child(it));
      return values.includes(undefined) ? undefined : values;
    };
  }
  return (value) => value;
}
