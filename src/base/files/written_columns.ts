/**
 * Columns in the form of an Arrow file: one dictionary per column, to which values are only added,
 * and no string views.
 *
 * @module
 */

import {
  Binary,
  type Data,
  DataType,
  Dictionary,
  type Field,
  FixedSizeList,
  Int32,
  LargeList,
  List,
  makeData,
  Map_,
  type RecordBatch,
  Schema,
  Struct,
  Utf8,
  Vector,
} from "apache-arrow";
import { Buffer } from "node:buffer";
import { isView, viewOf } from "../arrow_views.ts";
import { UserError } from "../errors.ts";
import { hint } from "../hints.ts";
import { LargeMap } from "../large_map.ts";
import { recordBatchOf } from "../wide_schema.ts";

/**
 * Prepares the record batches of one source for an Arrow file. The random-access format has one
 * dictionary per column, but each record batch of a stream or of a stage may have its own. New
 * values are added to the first dictionary, and 32-bit indices refer to all values. Views become
 * plain texts and bytes, because apache-arrow does not slice them correctly.
 */
export class WrittenColumns {
  /** The columns as they are written. */
  readonly schema: Schema;
  readonly #dictionaries = new Map<DataType, GrowingDictionary>();

  /**
   * Determines how the columns are written.
   *
   * @param schema The columns of the source.
   */
  constructor(schema: Schema) {
    this.schema = new Schema(schema.fields.map(writtenField), schema.metadata);
  }

  /**
   * Converts a record batch to the form in which it is written.
   *
   * @param batch The next record batch of the source.
   */
  take(batch: RecordBatch): RecordBatch {
    const { fields } = this.schema;
    const children = fields.map(({ type }, index) => this.#take(batch.data.children[index]!, type));
    return recordBatchOf(this.schema, children, batch.numRows);
  }

  #take(data: Data, type: DataType): Data {
    if (type === data.type) return data;
    if (DataType.isDictionary(type)) {
      let dictionary = this.#dictionaries.get(type);
      if (!dictionary) {
        dictionary = new GrowingDictionary(type);
        this.#dictionaries.set(type, dictionary);
      }
      return dictionary.take(data);
    }
    if (isView(data.type)) return gather(data, allOf(data), type);
    const children = data.children.map((child, index) =>
      this.#take(child as Data, type.children[index]!.type)
    );
    return data.clone(type, data.offset, data.length, data.nullCount, data.buffers, children);
  }
}

function writtenField(field: Field): Field {
  const type = writtenType(field.type);
  return type === field.type ? field : field.clone({ type });
}

/** Returns the type that a column is written with; the same object if the type does not change. */
function writtenType(type: DataType): DataType {
  if (DataType.isUtf8View(type)) return new Utf8();
  if (DataType.isBinaryView(type)) return new Binary();
  if (DataType.isDictionary(type)) {
    // Without an explicit id it gets a new one: two columns of a source may share a dictionary.
    return new Dictionary(writtenType(type.dictionary), new Int32(), null, type.isOrdered);
  }
  const children = (type.children ?? []) as Field[];
  const written = children.map(writtenField);
  if (written.every((field, index) => field === children[index])) return type;
  if (DataType.isList(type)) return new List(written[0]!);
  if (DataType.isLargeList(type)) return new LargeList(written[0]!);
  if (DataType.isFixedSizeList(type)) return new FixedSizeList(type.listSize, written[0]!);
  if (DataType.isStruct(type)) return new Struct(written);
  if (DataType.isMap(type)) return new Map_(written[0] as Field<Struct>, type.keysSorted);
  return type;
}

/** The dictionary of a column across all record batches. */
class GrowingDictionary {
  readonly #type: Dictionary;
  #written: Vector | undefined;
  /** The number of each value. It is only created when a second dictionary arrives. */
  #numbers: LargeMap<string, number> | undefined;
  /**
   * The latest dictionary, and the written numbers of its entries; undefined if they are the same.
   */
  #last: Vector | undefined;
  #lastNumbers: Int32Array | undefined;

  constructor(type: Dictionary) {
    this.#type = type;
  }

  take(data: Data): Data {
    const { dictionary, length } = data;
    if (dictionary && dictionary !== this.#last) this.#add(dictionary);
    const numbers = this.#lastNumbers;
    const indices = data.values as unknown as ArrayLike<number | bigint>;
    const written = new Int32Array(length), nullBitmap = new Uint8Array((length + 7) >> 3);
    let nullCount = 0;
    for (let row = 0; row < length; row++) {
      if (isNull(data, row)) {
        nullCount++;
        continue;
      }
      const index = Number(indices[row]);
      written[row] = numbers ? numbers[index]! : index;
      nullBitmap[row >> 3]! |= 1 << (row & 7);
    }
    return makeData({
      type: this.#type,
      length,
      nullCount,
      nullBitmap,
      data: written,
      dictionary: this.#written ?? new Vector([makeData({ type: this.#type.dictionary })]),
    });
  }

  #add(dictionary: Vector): void {
    this.#last = dictionary;
    const type = this.#type.dictionary;
    const parts = dictionary.data.map((part) =>
      part.type === type ? part : gather(part, allOf(part), type)
    );
    if (!this.#written) {
      this.#written = new Vector(parts);
      return;
    }
    const numbers = this.#numbers ??= numbered(this.#written.data);
    const own = new Int32Array(dictionary.length), added: Data[] = [];
    let entry = 0;
    for (const part of parts) {
      const rows: number[] = [];
      for (let row = 0; row < part.length; row++) {
        const key = keyOf(part, row);
        let number = numbers.get(key);
        if (number === undefined) {
          number = numbers.size;
          numbers.set(key, number);
          rows.push(row);
        }
        own[entry++] = number;
      }
      if (rows.length > 0) added.push(gather(part, rows, type));
    }
    if (added.length > 0) this.#written = new Vector([...this.#written.data, ...added]);
    this.#lastNumbers = own;
  }
}

/**
 * Numbers the values of a dictionary. A dictionary may contain a value twice; the second one is
 * replaced by the first, and its number is not used.
 */
function numbered(parts: readonly Data[]): LargeMap<string, number> {
  const numbers = new LargeMap<string, number>();
  let number = 0;
  for (const part of parts) {
    for (let row = 0; row < part.length; row++, number++) {
      const key = keyOf(part, row);
      numbers.set(numbers.has(key) ? `twice ${number}` : key, number);
    }
  }
  return numbers;
}

/** Returns a text that is the same for equal values and different for all others. */
function keyOf(data: Data, row: number): string {
  const { type } = data;
  if (DataType.isNull(type) || isNull(data, row)) return "null";
  if (DataType.isBool(type)) return String(bitOf(data, row));
  if (data.children.length > 0) {
    const [from, to] = rangeOf(data, row);
    const keys: string[] = [];
    for (const child of data.children) {
      for (let item = from; item < to; item++) keys.push(keyOf(child as Data, item));
    }
    return `[${keys.map((key) => `${key.length} ${key}`).join()}]`;
  }
  const bytes = bytesOf(data, row);
  return `=${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1")}`;
}

/** Returns the range of values that a row has in the child of a list or the children of a struct. */
function rangeOf({ type, valueOffsets }: Data, row: number): [from: number, to: number] {
  if (DataType.isFixedSizeList(type)) return [row * type.listSize, (row + 1) * type.listSize];
  if (valueOffsets) return [Number(valueOffsets[row]), Number(valueOffsets[row + 1])];
  return [row, row + 1];
}

/** Returns the bytes of a value without children. */
function bytesOf(data: Data, row: number): Uint8Array<ArrayBuffer> {
  const { type, values, valueOffsets, stride } = data;
  if (isView(type)) return viewOf(data, row);
  if (valueOffsets) {
    return (values as Uint8Array<ArrayBuffer>).subarray(
      Number(valueOffsets[row]),
      Number(valueOffsets[row + 1]),
    );
  }
  const { buffer, byteOffset, BYTES_PER_ELEMENT } = values as Uint8Array<ArrayBuffer>;
  const width = stride * BYTES_PER_ELEMENT;
  return new Uint8Array(buffer, byteOffset + row * width, width);
}

const allOf = ({ length }: Data) => Array.from({ length }, (_, row) => row);

/**
 * Selects rows of a column, including nested values.
 *
 * @param data The column.
 * @param rows The numbers of the rows.
 * @param type The type of the result: that of the column, or plain texts and bytes for views.
 */
function gather(data: Data, rows: readonly number[], type: DataType): Data {
  const length = rows.length;
  if (DataType.isNull(type)) return makeData({ type, length });
  const nullBitmap = new Uint8Array((length + 7) >> 3);
  let nullCount = 0;
  rows.forEach((row, index) => {
    if (isNull(data, row)) nullCount++;
    else nullBitmap[index >> 3]! |= 1 << (index & 7);
  });
  const common = { type, length, nullCount, nullBitmap };
  const made = (parts: object) =>
    makeData({ ...common, ...parts } as Parameters<typeof makeData>[0]);
  if (DataType.isBool(type)) {
    const bits = new Uint8Array((length + 7) >> 3);
    rows.forEach((row, index) => bits[index >> 3]! |= bitOf(data, row) << (index & 7));
    return made({ data: bits });
  }
  const items = (row: number): [number, number] => isNull(data, row) ? [0, 0] : rangeOf(data, row);
  if (data.children.length > 0) {
    const fixed = DataType.isFixedSizeList(type) || DataType.isStruct(type);
    const wanted: number[] = [];
    const ends = rows.map((row) => {
      const [from, to] = fixed ? rangeOf(data, row) : items(row);
      for (let item = from; item < to; item++) wanted.push(item);
      return wanted.length;
    });
    const children = data.children.map((child, index) =>
      gather(child as Data, wanted, type.children[index]!.type)
    );
    return fixed
      ? made(DataType.isStruct(type) ? { children } : { child: children[0] })
      : made({ child: children[0], valueOffsets: offsetsOf(ends, type) });
  }
  const bytes = rows.map((row) => isNull(data, row) ? new Uint8Array() : bytesOf(data, row));
  if (isView(data.type) || data.valueOffsets) {
    let end = 0;
    const ends = bytes.map(({ length }) => end += length);
    const valueOffsets = offsetsOf(ends, type), values = new Uint8Array(end);
    bytes.forEach((part, index) => values.set(part, ends[index]! - part.length));
    return made({ data: values, valueOffsets });
  }
  const { BYTES_PER_ELEMENT: size } = data.values as Uint8Array;
  const width = data.stride * size, values = new Uint8Array(length * width);
  bytes.forEach((part, index) => values.set(part, index * width));
  const array = data.values.constructor as new (buffer: ArrayBuffer) => Uint8Array;
  return made({
    data: new array(values.buffer),
    ...(data.dictionary && { dictionary: data.dictionary }),
  });
}

/** The largest 32-bit offset. */
const MOST_OFFSET = 2 ** 31 - 1;

const tooLong = () =>
  new UserError(
    `a column has more than ${MOST_OFFSET} bytes in one record batch, which cannot be written`,
    {
      hint: hint("arrow/views", "write the data file with fewer rows in each record batch", {
        edit: "the data file",
      }),
    },
  );

/** Makes offsets from the ends of values, in 64 bits for large types and in 32 bits for others. */
function offsetsOf(ends: readonly number[], type: DataType): Int32Array | BigInt64Array {
  const large = DataType.isLargeUtf8(type) || DataType.isLargeBinary(type) ||
    DataType.isLargeList(type);
  if (large) return BigInt64Array.from([0, ...ends], (end) => BigInt(end));
  if ((ends.at(-1) ?? 0) > MOST_OFFSET) throw tooLong();
  return Int32Array.from([0, ...ends]);
}

function isNull(data: Data, row: number): boolean {
  if (data.nullCount === 0) return false;
  const bit = data.offset + row;
  return (data.nullBitmap![bit >> 3]! >> (bit & 7) & 1) === 0;
}

function bitOf(data: Data, row: number): number {
  const bit = data.offset + row;
  return (data.values as Uint8Array)[bit >> 3]! >> (bit & 7) & 1;
}
