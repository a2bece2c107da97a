/**
 * Conversion of columns with Arrow's canonical extension types. arrow-js returns the storage type:
 * integers for `arrow.bool8`, and 16 bytes for `arrow.uuid`.
 *
 * @module
 */

import {
  Bool,
  type Data,
  DataType,
  Field,
  FixedSizeList,
  LargeList,
  List,
  makeData,
  type RecordBatch,
  Schema,
  Struct,
  Utf8,
} from "apache-arrow";
import { recordBatchOf } from "../../plugin.ts";

/** The conversion of one extension type. */
interface ExtensionType {
  /** Checks whether a type is the storage type of this extension type. */
  isStored(type: DataType): boolean;
  /** The type after the conversion. */
  readonly type: DataType;
  /** Converts a column from the storage type to {@linkcode type}. */
  read(data: Data): Data;
}

const extensionTypes: Readonly<Record<string, ExtensionType>> = {
  "arrow.bool8": {
    isStored: (type) => DataType.isInt(type) && type.bitWidth === 8,
    type: new Bool(),
    read: boolsOf,
  },
  "arrow.uuid": {
    isStored: (type) => DataType.isFixedSizeBinary(type) && type.byteWidth === 16,
    type: new Utf8(),
    read: uuidsOf,
  },
};

function extensionOf({ type, metadata }: Field): ExtensionType | undefined {
  const name = metadata.get("ARROW:extension:name") ?? "";
  const known = Object.hasOwn(extensionTypes, name) ? extensionTypes[name] : undefined;
  return known?.isStored(type) ? known : undefined;
}

/**
 * Returns a field with its extension types replaced by plain types: `arrow.uuid` becomes text, as
 * in DuckDB, and `arrow.bool8` becomes boolean, also within lists and structs.
 *
 * @param field The field of the file.
 * @returns The same object if it has no such extension types.
 */
export function plainField(field: Field): Field {
  const extension = extensionOf(field);
  if (extension) {
    const others = [...field.metadata].filter(([key]) => !key.startsWith("ARROW:extension:"));
    return new Field(field.name, extension.type, field.nullable, new Map(others));
  }
  const { type } = field, inner = (type.children ?? []) as Field[];
  const children = inner.map(plainField);
  if (children.every((child, index) => child === inner[index])) return field;
  const around = typeAround(type, children);
  return around ? new Field(field.name, around, field.nullable, field.metadata) : field;
}

/**
 * Returns a nested type with other child types, or undefined for types whose children are not
 * converted.
 */
function typeAround(type: DataType, children: Field[]): DataType | undefined {
  const [child] = children as [Field];
  if (DataType.isList(type)) return new List(child);
  if (DataType.isLargeList(type)) return new LargeList(child);
  if (DataType.isFixedSizeList(type)) return new FixedSizeList(type.listSize, child);
  return DataType.isStruct(type) ? new Struct(children) : undefined;
}

/**
 * Converts the columns of a record batch that have Arrow extension types to plain types, as
 * {@linkcode plainField} does for their fields.
 *
 * @param batch The record batch of a file.
 * @param columns The names of the columns to read; all by default. Other columns that need a
 *   conversion are left out.
 */
export function plainBatch(
  batch: RecordBatch,
  columns: readonly string[] | undefined,
): RecordBatch {
  const { fields } = batch.schema, plain = fields.map(plainField);
  if (plain.every((field, index) => field === fields[index])) return batch;
  const wanted = columns && new Set(columns);
  const kept = [...fields.keys()].filter((index) =>
    plain[index] === fields[index] || !wanted || wanted.has(fields[index]!.name)
  );
  const schema = new Schema(kept.map((index) => plain[index]!), batch.schema.metadata);
  const children = kept.map((index) =>
    plainData(batch.data.children[index] as Data, fields[index]!, plain[index]!)
  );
  return recordBatchOf(schema, children, batch.numRows);
}

function plainData(data: Data, field: Field, plain: Field): Data {
  if (field === plain) return data;
  const extension = extensionOf(field);
  if (extension) return extension.read(data);
  const children = data.children.map((child, index) =>
    plainData(child as Data, field.type.children[index], plain.type.children[index])
  );
  const { offset, length, nullCount } = data;
  return data.clone(plain.type, offset, length, nullCount, data as never, children);
}

function boolsOf(data: Data): Data {
  const { values, length, offset } = data, bits = new Uint8Array((offset + length + 7) >> 3);
  for (let row = 0; row < length; row++) {
    if (values[row] !== 0) bits[offset + row >> 3]! |= 1 << (offset + row & 7);
  }
  return makeData({ type: new Bool(), data: bits, ...rowsOf(data) });
}

/** The two hexadecimal digits of each byte value, in UTF-8. */
const digits = Array.from(
  { length: 256 },
  (_, byte) => new TextEncoder().encode(byte.toString(16).padStart(2, "0")),
);

/** The number of characters of a UUID. */
const characters = 36;

function uuidsOf(data: Data): Data {
  const { values, length } = data;
  const valueOffsets = Int32Array.from({ length: length + 1 }, (_, row) => row * characters);
  const text = new Uint8Array(length * characters).fill("-".charCodeAt(0));
  for (let row = 0, at = 0; row < length; row++) {
    for (let byte = 0; byte < 16; byte++) {
      if (byte === 4 || byte === 6 || byte === 8 || byte === 10) at++;
      text.set(digits[values[row * 16 + byte]!]!, at);
      at += 2;
    }
  }
  return makeData({ type: new Utf8(), valueOffsets, data: text, ...rowsOf(data) });
}

const rowsOf = ({ length, offset, nullCount, nullBitmap }: Data) => ({
  length,
  offset,
  nullCount,
  ...(nullCount > 0 && { nullBitmap }),
});
