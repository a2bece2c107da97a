import type { DuckDBType } from "npm:@duckdb/node-api@1.5.6-r.1";
import type { Vector as DuckVector } from "npm:@duckdb/node-bindings@1.5.6-r.1";
import {
  Binary,
  Bool,
  type Data,
  type DataType,
  DateDay,
  Decimal,
  Dictionary,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  Int8,
  List,
  makeData,
  Struct,
  TimeMicrosecond,
  TimeNanosecond,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  TimestampSecond,
  Uint16,
  Uint32,
  Uint64,
  Uint8,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { hint, UserError } from "../../plugin.ts";

/** The module with DuckDB's C interface. */
export type Bindings = typeof import("npm:@duckdb/node-bindings@1.5.6-r.1");

/** Collects values of one column and converts them to Arrow. */
export interface ColumnBuilder {
  /** The column's type in Arrow. */
  readonly type: DataType;
  /**
   * Appends values of a DuckDB vector.
   *
   * @param vector The vector.
   * @param from The index of the first value.
   * @param to The index after the last value.
   */
  append(vector: DuckVector, from: number, to: number): void;
  /**
   * The approximate size in bytes of the values appended since the last call of {@linkcode finish}.
   */
  readonly size: number;
  /** Returns the values appended since the last call, and starts a new column. */
  finish(): Data;
}

/**
 * Type numbers of DuckDB's C interface. Importing DuckDB's own enumeration would load the library.
 */
const id = {
  boolean: 1,
  tinyint: 2,
  smallint: 3,
  integer: 4,
  bigint: 5,
  utinyint: 6,
  usmallint: 7,
  uinteger: 8,
  ubigint: 9,
  float: 10,
  double: 11,
  timestamp: 12,
  date: 13,
  time: 14,
  hugeint: 16,
  varchar: 17,
  blob: 18,
  decimal: 19,
  timestampS: 20,
  timestampMs: 21,
  timestampNs: 22,
  enum: 23,
  list: 24,
  struct: 25,
  uuid: 27,
  timestampTz: 31,
  array: 33,
  timeNs: 39,
} as const;

/**
 * Creates an object that builds Arrow columns from DuckDB's values of one type.
 *
 * @param type The type in DuckDB.
 * @param duckdb The interface for reading vectors.
 * @returns The builder; undefined for a type that cannot be converted to Arrow.
 */
export function columnBuilder(type: DuckDBType, duckdb: Bindings): ColumnBuilder | undefined {
  const plain = (type: DataType, array: ArrayConstructor) => new PlainBuilder(duckdb, type, array);
  const moment = (type: DataType, array: MomentArray) => new MomentBuilder(duckdb, type, array);
  switch (type.typeId as number) {
    case id.boolean:
      return new BoolBuilder(duckdb);
    case id.tinyint:
      return plain(new Int8(), Int8Array);
    case id.smallint:
      return plain(new Int16(), Int16Array);
    case id.integer:
      return plain(new Int32(), Int32Array);
    case id.bigint:
      return plain(new Int64(), BigInt64Array);
    case id.utinyint:
      return plain(new Uint8(), Uint8Array);
    case id.usmallint:
      return plain(new Uint16(), Uint16Array);
    case id.uinteger:
      return plain(new Uint32(), Uint32Array);
    case id.ubigint:
      return plain(new Uint64(), BigUint64Array);
    case id.float:
      return plain(new Float32(), Float32Array);
    case id.double:
      return plain(new Float64(), Float64Array);
    case id.date:
      return moment(new DateDay(), Int32Array);
    case id.time:
      return plain(new TimeMicrosecond(), BigInt64Array);
    case id.timeNs:
      return plain(new TimeNanosecond(), BigInt64Array);
    case id.timestamp:
      return moment(new TimestampMicrosecond(), BigInt64Array);
    case id.timestampTz:
      return moment(new TimestampMicrosecond("UTC"), BigInt64Array);
    case id.timestampS:
      return moment(new TimestampSecond(), BigInt64Array);
    case id.timestampMs:
      return moment(new TimestampMillisecond(), BigInt64Array);
    case id.timestampNs:
      return moment(new TimestampNanosecond(), BigInt64Array);
    case id.decimal: {
      const { width, scale } = type as DuckDBType & { width: number; scale: number };
      return new DecimalBuilder(duckdb, width, scale);
    }
    case id.hugeint:
      // DuckDB's own Arrow export uses this type too. Sums of integers have the type HUGEINT.
      return new DecimalBuilder(duckdb, 38, 0);
    case id.varchar:
      return new BytesBuilder(duckdb, new Utf8());
    case id.blob:
      return new BytesBuilder(duckdb, new Binary());
    case id.enum:
      return enumBuilder((type as DuckDBType & { values: readonly string[] }).values, duckdb);
    case id.list: {
      const { valueType } = type as DuckDBType & { valueType: DuckDBType };
      const child = columnBuilder(valueType, duckdb);
      return child && new ListBuilder(duckdb, child);
    }
    case id.array: {
      const { valueType, length } = type as DuckDBType & { valueType: DuckDBType; length: number };
      const child = columnBuilder(valueType, duckdb);
      return child && new ArrayBuilder(duckdb, child, length);
    }
    case id.struct: {
      const { entryNames, entryTypes } = type as DuckDBType & {
        entryNames: readonly string[];
        entryTypes: readonly DuckDBType[];
      };
      const children = entryTypes.map((type) => columnBuilder(type, duckdb));
      return children.every((child) => child !== undefined)
        ? new StructBuilder(duckdb, entryNames, children)
        : undefined;
    }
    default:
      return undefined;
  }
}

/**
 * Returns the SQL expression that reads a column. A column of UUIDs is converted to text.
 *
 * @param name The column's name, quoted.
 * @param type The column's type in DuckDB.
 */
export function columnExpression(name: string, type: DuckDBType): string {
  return type.typeId as number === id.uuid ? `CAST(${name} AS VARCHAR) AS ${name}` : name;
}

/**
 * Estimates the size of a value of a type in bytes, to choose the number of rows per record batch.
 *
 * @param type The type of the value.
 */
export function bytesOf(type: DataType): number {
  if (type instanceof FixedSizeList) return type.listSize * bytesOf(type.children[0]!.type);
  if (type instanceof List) return 16 * bytesOf(type.children[0]!.type);
  if (type instanceof Struct) {
    return type.children.reduce((bytes, { type }) => bytes + bytesOf(type), 0);
  }
  if (type instanceof Utf8 || type instanceof Binary) return 32;
  if (type instanceof Decimal) return 16;
  const { BYTES_PER_ELEMENT: bytes = 8 } = type.ArrayType as { BYTES_PER_ELEMENT?: number };
  return bytes;
}

/** Thrown when a statement exceeds its memory limit. */
export class MemoryError extends Error {
  override name = "MemoryError";

  /**
   * Creates the error.
   *
   * @param limit The memory limit, in bytes.
   * @param options The cause.
   */
  constructor(readonly limit: number, options?: ErrorOptions) {
    super(`it needs more than ${limit} bytes of memory`, options);
  }
}

/**
 * Checks whether a statement failed because it exceeded its memory limit.
 *
 * @param error The error that the statement threw.
 */
export function isOutOfMemory(error: unknown): boolean {
  return error instanceof MemoryError || /^Out of Memory Error/.test((error as Error).message);
}

type ArrayConstructor =
  | Int8ArrayConstructor
  | Uint8ArrayConstructor
  | Int16ArrayConstructor
  | Uint16ArrayConstructor
  | Int32ArrayConstructor
  | Uint32ArrayConstructor
  | Float32ArrayConstructor
  | Float64ArrayConstructor
  | BigInt64ArrayConstructor
  | BigUint64ArrayConstructor;

/**
 * The maximum size of a record batch in bytes. Larger batches would need offsets of more than 32
 * bits.
 */
export const maxBatchBytes: number = 2 ** 31 - 1;

/** Returns the error for a record batch larger than {@linkcode maxBatchBytes}. */
export function tooLargeBatch(): UserError {
  return new UserError("a record batch would be larger than 2 GB", {
    hint: hint(
      "duckdb/batch",
      "the rows are very large: use fewer rows per record batch, such as batchRows: 64 (data convert: --batch 64)",
      { set: { batchRows: 64 } },
    ),
  });
}

/** A growing byte array. */
class Bytes {
  length = 0;
  #bytes = new Uint8Array(1024);

  /** Extends the array by some bytes, and returns the whole buffer. */
  grow(by: number): Uint8Array<ArrayBuffer> {
    const needed = this.length + by;
    if (needed > maxBatchBytes) throw tooLargeBatch();
    if (needed > this.#bytes.length) {
      const more = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      more.set(this.#bytes.subarray(0, this.length));
      this.#bytes = more;
    }
    this.length = needed;
    return this.#bytes;
  }

  /** Returns all bytes and starts an empty array. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.subarray(0, this.length);
    this.#bytes = new Uint8Array(Math.max(1024, this.length));
    this.length = 0;
    return taken;
  }
}

/** Arrow's validity bitmap: one bit per value, 0 for null. */
class Validity {
  readonly #duckdb: Bindings;
  #bits: Uint8Array | undefined;
  length = 0;
  nulls = 0;

  constructor(duckdb: Bindings) {
    this.#duckdb = duckdb;
  }

  /**
   * Appends the validity of a vector's values. `onNull` is called with the vector index of each
   * null.
   */
  append(vector: DuckVector, from: number, to: number, onNull?: (index: number) => void): void {
    const start = this.length;
    this.length += to - from;
    const bytes = to > from
      ? this.#duckdb.vector_get_validity(vector, Math.ceil(to / 64) * 8) as Uint8Array | null
      : null;
    if (this.#bits && this.#bits.length * 8 < this.length) this.#room();
    if (!bytes) return;
    for (let index = from; index < to; index++) {
      if (bytes[index >> 3]! >> (index & 7) & 1) continue;
      if (!this.#bits) this.#room();
      const bit = start + index - from;
      this.#bits![bit >> 3]! &= ~(1 << (bit & 7));
      this.nulls++;
      onNull?.(index);
    }
  }

  take(): { length: number; nullCount: number; nullBitmap?: Uint8Array } {
    const { length, nulls: nullCount } = this;
    const bits = this.#bits;
    this.#bits = undefined;
    this.length = this.nulls = 0;
    return { length, nullCount, ...(bits && { nullBitmap: bits.subarray(0, (length + 7) >> 3) }) };
  }

  #room(): void {
    const more = new Uint8Array(Math.max(128, (this.length + 7 >> 3) * 2)).fill(255);
    if (this.#bits) more.set(this.#bits);
    this.#bits = more;
  }
}

abstract class Builder {
  protected readonly duckdb: Bindings;
  protected readonly validity: Validity;
  readonly type: DataType;

  constructor(duckdb: Bindings, type: DataType) {
    this.duckdb = duckdb;
    this.validity = new Validity(duckdb);
    this.type = type;
  }
}

/**
 * Builds columns of types with the same memory layout in DuckDB and Arrow. The value of a null is
 * set to 0.
 */
class PlainBuilder extends Builder implements ColumnBuilder {
  readonly #bytes = new Bytes();
  readonly #array: ArrayConstructor;

  constructor(duckdb: Bindings, type: DataType, array: ArrayConstructor) {
    super(duckdb, type);
    this.#array = array;
  }

  get size(): number {
    return this.#bytes.length;
  }

  append(vector: DuckVector, from: number, to: number): void {
    const width = this.#array.BYTES_PER_ELEMENT, start = this.#bytes.length;
    const all = this.#bytes.grow((to - from) * width);
    if (to > from) {
      const data = this.duckdb.vector_get_data(vector, to * width);
      all.set(data.subarray(from * width, to * width), start);
    }
    this.validity.append(vector, from, to, (index) => {
      const at = start + (index - from) * width;
      all.fill(0, at, at + width);
    });
  }

  finish(): Data {
    const bytes = this.#bytes.take();
    const data = new this.#array(bytes.buffer, 0, bytes.length / this.#array.BYTES_PER_ELEMENT);
    return makeData({ type: this.type, data, ...this.validity.take() } as never);
  }
}

/** Thrown when a date or timestamp is infinite, which Arrow cannot represent. */
export class InfiniteError extends Error {
  override name = "InfiniteError";
}

type MomentArray = Int32ArrayConstructor | BigInt64ArrayConstructor;

/**
 * Builds columns of dates and timestamps. DuckDB represents infinite ones by the largest numbers,
 * which Arrow would interpret as ordinary dates.
 */
class MomentBuilder extends PlainBuilder {
  readonly #infinite: number | bigint;

  constructor(duckdb: Bindings, type: DataType, array: MomentArray) {
    super(duckdb, type, array);
    this.#infinite = array === Int32Array ? 2 ** 31 - 1 : 2n ** 63n - 1n;
  }

  override finish(): Data {
    const data = super.finish(), infinite = this.#infinite;
    for (const value of data.values as ArrayLike<number | bigint> & Iterable<number | bigint>) {
      if (value === infinite) throw new InfiniteError("infinity");
      if (value === -infinite) throw new InfiniteError("-infinity");
    }
    return data;
  }
}

class BoolBuilder extends Builder implements ColumnBuilder {
  readonly #bytes = new Bytes();

  constructor(duckdb: Bindings) {
    super(duckdb, new Bool());
  }

  get size(): number {
    return this.#bytes.length;
  }

  append(vector: DuckVector, from: number, to: number): void {
    const start = this.#bytes.length;
    const all = this.#bytes.grow(to - from);
    if (to > from) all.set(this.duckdb.vector_get_data(vector, to).subarray(from), start);
    this.validity.append(vector, from, to, (index) => all[start + index - from] = 0);
  }

  finish(): Data {
    const bytes = this.#bytes.take();
    const data = new Uint8Array((bytes.length + 7) >> 3);
    for (let index = 0; index < bytes.length; index++) {
      if (bytes[index]) data[index >> 3]! |= 1 << (index & 7);
    }
    return makeData({ type: this.type as Bool, data, ...this.validity.take() });
  }
}

/** Builds decimal columns: converts integers of 16 to 128 bits with a scale to 128 bits. */
class DecimalBuilder extends Builder implements ColumnBuilder {
  readonly #bytes = new Bytes();
  readonly #width: number;

  constructor(duckdb: Bindings, precision: number, scale: number) {
    super(duckdb, new Decimal(scale, precision, 128));
    this.#width = precision <= 4 ? 2 : precision <= 9 ? 4 : precision <= 18 ? 8 : 16;
  }

  get size(): number {
    return this.#bytes.length;
  }

  append(vector: DuckVector, from: number, to: number): void {
    const start = this.#bytes.length;
    const all = this.#bytes.grow((to - from) * 16);
    const width = this.#width;
    if (to > from) {
      const data = this.duckdb.vector_get_data(vector, to * width);
      const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
      const words = new Int32Array(all.buffer, start, (to - from) * 4);
      for (let index = from; index < to; index++) {
        const word = (index - from) * 4, at = index * width;
        const low = width === 2 ? view.getInt16(at, true) : view.getInt32(at, true);
        words[word] = low;
        words[word + 1] = width >= 8 ? view.getInt32(at + 4, true) : low >> 31;
        words[word + 2] = width === 16 ? view.getInt32(at + 8, true) : words[word + 1]! >> 31;
        words[word + 3] = width === 16 ? view.getInt32(at + 12, true) : words[word + 1]! >> 31;
      }
    }
    this.validity.append(vector, from, to, (index) => {
      const at = start + (index - from) * 16;
      all.fill(0, at, at + 16);
    });
  }

  finish(): Data {
    const bytes = this.#bytes.take();
    const data = new Uint32Array(bytes.buffer, 0, bytes.length / 4);
    return makeData({ type: this.type as Decimal, data, ...this.validity.take() });
  }
}

/**
 * Builds columns of strings and bytes. DuckDB stores 4 bytes of length, then either up to 12 bytes
 * of content, or the first 4 bytes and a pointer.
 */
class BytesBuilder extends Builder implements ColumnBuilder {
  readonly #bytes = new Bytes();
  readonly #offsets = new Bytes();

  get size(): number {
    return this.#bytes.length + this.#offsets.length;
  }

  append(vector: DuckVector, from: number, to: number): void {
    const start = this.#offsets.length;
    const ends = new Int32Array(this.#offsets.grow((to - from) * 4).buffer, start, to - from);
    if (to === from) return;
    const data = this.duckdb.vector_get_data(vector, to * 16);
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const nulls = new Set<number>();
    this.validity.append(vector, from, to, (index) => nulls.add(index));
    const far: { at: number; length: number; target: number }[] = [];
    let end = this.#bytes.length;
    for (let index = from; index < to; index++) {
      const at = index * 16, length = nulls.has(index) ? 0 : view.getUint32(at, true);
      if (length > 12) far.push({ at, length, target: end });
      end += length;
      ends[index - from] = end;
    }
    const first = this.#bytes.length;
    const all = this.#bytes.grow(end - first);
    for (let index = from, target = first; index < to; index++) {
      const next = ends[index - from]!, near = index * 16 + 4;
      if (next - target <= 12) {
        for (let byte = 0; byte < next - target; byte++) all[target + byte] = data[near + byte]!;
      }
      target = next;
    }
    this.#copyFar(far, data, view, all);
  }

  /**
   * Copies long strings from the addresses that their pointers contain. One call per string is
   * slow, so strings close to each other are read with one call. That call also reads the bytes in
   * the gaps between strings. These are always readable, because a gap smaller than the smallest
   * memory page lies within the pages of the two strings around it.
   */
  #copyFar(
    far: readonly { at: number; length: number; target: number }[],
    data: Uint8Array,
    view: DataView,
    all: Uint8Array,
  ): void {
    const pointer = (at: number) =>
      view.getUint32(at + 8, true) + view.getUint32(at + 12, true) * 2 ** 32;
    for (let index = 0; index < far.length;) {
      const start = index, first = pointer(far[start]!.at);
      let end = first + far[start]!.length;
      for (index++; index < far.length; index++) {
        const next = pointer(far[index]!.at);
        if (next < first || next - end >= smallestPage || next - first >= 2 ** 28) break;
        end = Math.max(end, next + far[index]!.length);
      }
      const bytes = this.duckdb.get_data_from_pointer(
        data.buffer as ArrayBuffer,
        data.byteOffset + far[start]!.at + 8,
        end - first,
      );
      for (const { at, length, target } of far.slice(start, index)) {
        const from = pointer(at) - first;
        all.set(bytes.subarray(from, from + length), target);
      }
    }
  }

  finish(): Data {
    return makeData({
      type: this.type as Utf8,
      valueOffsets: offsetsOf(this.#offsets.take()),
      data: this.#bytes.take(),
      ...this.validity.take(),
    });
  }
}

/** The smallest memory page of all supported machines, in bytes. */
const smallestPage = 4096;

/** Returns Arrow offsets (a leading 0, then the end of each value) from the ends of values. */
function offsetsOf(ends: Uint8Array<ArrayBuffer>): Int32Array {
  const offsets = new Int32Array(ends.length / 4 + 1);
  offsets.set(new Int32Array(ends.buffer, 0, ends.length / 4), 1);
  return offsets;
}

function enumBuilder(values: readonly string[], duckdb: Bindings): ColumnBuilder {
  const [indices, array] = values.length < 2 ** 8
    ? [new Uint8(), Uint8Array] as const
    : values.length < 2 ** 16
    ? [new Uint16(), Uint16Array] as const
    : [new Uint32(), Uint32Array] as const;
  const dictionary = vectorFromArray(values, new Utf8());
  const type = new Dictionary(new Utf8(), indices as never);
  const builder = new PlainBuilder(duckdb, indices, array);
  return {
    type,
    get size() {
      return builder.size;
    },
    append: (vector, from, to) => builder.append(vector, from, to),
    finish() {
      const { length, nullCount, nullBitmap, values } = builder.finish();
      return makeData({ type, length, nullCount, nullBitmap, data: values, dictionary } as never);
    },
  };
}

/**
 * Builds list columns. DuckDB stores the offset of each list in the child vector, and its length.
 */
class ListBuilder extends Builder implements ColumnBuilder {
  readonly #child: ColumnBuilder;
  readonly #offsets = new Bytes();
  #end = 0;

  constructor(duckdb: Bindings, child: ColumnBuilder) {
    super(duckdb, new List(new Field("item", child.type, true)));
    this.#child = child;
  }

  get size(): number {
    return this.#child.size + this.#offsets.length;
  }

  append(vector: DuckVector, from: number, to: number): void {
    const start = this.#offsets.length;
    const offsets = new Int32Array(this.#offsets.grow((to - from) * 4).buffer, start, to - from);
    if (to === from) return;
    const data = this.duckdb.vector_get_data(vector, to * 16);
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const items = this.duckdb.list_vector_get_child(vector);
    const nulls = new Set<number>();
    this.validity.append(vector, from, to, (index) => nulls.add(index));
    // Adjacent lists are appended with one call.
    let first = 0, next = 0;
    const take = () => {
      if (next > first) this.#child.append(items, first, next);
    };
    for (let index = from; index < to; index++) {
      const length = nulls.has(index) ? 0 : view.getUint32(index * 16 + 8, true);
      const at = view.getUint32(index * 16, true);
      if (length > 0 && at !== next) {
        take();
        first = at;
        next = at;
      }
      next += length;
      this.#end += length;
      offsets[index - from] = this.#end;
    }
    take();
  }

  finish(): Data {
    this.#end = 0;
    return makeData({
      type: this.type as List,
      valueOffsets: offsetsOf(this.#offsets.take()),
      child: this.#child.finish(),
      ...this.validity.take(),
    });
  }
}

class ArrayBuilder extends Builder implements ColumnBuilder {
  readonly #child: ColumnBuilder;
  readonly #length: number;

  constructor(duckdb: Bindings, child: ColumnBuilder, length: number) {
    super(duckdb, new FixedSizeList(length, new Field("item", child.type, true)));
    this.#child = child;
    this.#length = length;
  }

  get size(): number {
    return this.#child.size;
  }

  append(vector: DuckVector, from: number, to: number): void {
    const items = this.duckdb.array_vector_get_child(vector);
    this.#child.append(items, from * this.#length, to * this.#length);
    this.validity.append(vector, from, to);
  }

  finish(): Data {
    const type = this.type as FixedSizeList;
    return makeData({ type, child: this.#child.finish(), ...this.validity.take() });
  }
}

class StructBuilder extends Builder implements ColumnBuilder {
  readonly #children: readonly ColumnBuilder[];

  constructor(duckdb: Bindings, names: readonly string[], children: readonly ColumnBuilder[]) {
    const fields = children.map(({ type }, index) => new Field(names[index]!, type, true));
    super(duckdb, new Struct(fields));
    this.#children = children;
  }

  get size(): number {
    return this.#children.reduce((size, child) => size + child.size, 0);
  }

  append(vector: DuckVector, from: number, to: number): void {
    this.#children.forEach((child, index) =>
      child.append(this.duckdb.struct_vector_get_child(vector, index), from, to)
    );
    this.validity.append(vector, from, to);
  }

  finish(): Data {
    const children = this.#children.map((child) => child.finish());
    return makeData({ type: this.type as Struct, children, ...this.validity.take() });
  }
}
