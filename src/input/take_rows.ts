import {
  BinaryView,
  type Data,
  DataType,
  makeBuilder,
  type RecordBatch,
  Vector,
} from "apache-arrow";
import { recordBatchOf } from "../base/wide_schema.ts";

/**
 * Copies some rows of a record batch.
 *
 * @param batch The record batch.
 * @param rows The row numbers within the batch, in any order.
 * @returns A record batch with these rows and the same columns.
 */
export function takeRows(batch: RecordBatch, rows: ArrayLike<number>): RecordBatch {
  const columns = batch.data.children.map((column) => takeValues(column as Data, rows));
  return recordBatchOf(batch.schema, columns, rows.length);
}

/** A buffer of numbers, whose type the type of its column determines. */
type Buffer = Uint8Array | BigInt64Array;

/** Copies some values of a column. Dictionaries and the bytes of string views are shared. */
function takeValues(data: Data, rows: ArrayLike<number>): Data {
  const { type } = data;
  if (DataType.isNull(type)) return data.slice(0, 0).clone(type, 0, rows.length, rows.length);
  if (DataType.isUnion(type)) return rebuilt(data, rows);
  const { bitmap, nulls } = takeValidity(data, rows);
  const made = (offsets: unknown, values: unknown, children: Data[] = []) =>
    data.clone(type, 0, rows.length, nulls, [offsets, values, bitmap] as never, children);
  if (DataType.isBool(type)) return made(undefined, takeBits(data, rows));
  if (data.valueOffsets) {
    const { offsets, from } = takeOffsets(data, rows);
    const [child] = data.children;
    if (!child) return made(offsets, takeBytes(data, rows, Number(offsets[rows.length])));
    return made(offsets, undefined, [takeValues(child as Data, from())]);
  }
  if (DataType.isFixedSizeList(type)) {
    const { listSize } = type;
    const within = Uint32Array.from(
      { length: rows.length * listSize },
      (_, index) => rows[Math.floor(index / listSize)]! * listSize + index % listSize,
    );
    return made(undefined, undefined, [takeValues(data.children[0] as Data, within)]);
  }
  if (DataType.isStruct(type)) {
    const children = data.children.map((child) => takeValues(child as Data, rows));
    return made(undefined, undefined, children);
  }
  const isView = DataType.isUtf8View(type) || DataType.isBinaryView(type);
  return made(undefined, takeFixed(data, rows, isView ? BinaryView.ELEMENT_WIDTH : data.stride));
}

/** Copies the bits that tell which values are not null. */
function takeValidity(
  data: Data,
  rows: ArrayLike<number>,
): { readonly bitmap: Uint8Array | undefined; readonly nulls: number } {
  if (data.nullCount === 0) return { bitmap: undefined, nulls: 0 };
  const bitmap = new Uint8Array(rows.length + 7 >> 3);
  let nulls = rows.length;
  for (let index = 0; index < rows.length; index++) {
    if (!data.getValid(rows[index]!)) continue;
    bitmap[index >> 3]! |= 1 << (index & 7);
    nulls--;
  }
  return { bitmap, nulls };
}

function takeBits({ offset, values }: Data, rows: ArrayLike<number>): Uint8Array {
  const bits = new Uint8Array(rows.length + 7 >> 3);
  for (let index = 0; index < rows.length; index++) {
    const at = offset + rows[index]!;
    if (values[at >> 3]! >> (at & 7) & 1) bits[index >> 3]! |= 1 << (index & 7);
  }
  return bits;
}

/** Copies values that take the same number of array elements each. */
function takeFixed({ values }: Data, rows: ArrayLike<number>, width: number): Buffer {
  const array = values.constructor as new (length: number) => Buffer;
  const taken = new array(rows.length * width) as Uint8Array, from = values as Uint8Array;
  for (let index = 0; index < rows.length; index++) {
    const start = rows[index]! * width;
    if (width === 1) taken[index] = from[start]!;
    else taken.set(from.subarray(start, start + width), index * width);
  }
  return taken;
}

/** Copies offsets, so that the values of the chosen rows follow one another. */
function takeOffsets(
  { valueOffsets }: Data,
  rows: ArrayLike<number>,
): { readonly offsets: Int32Array | BigInt64Array; readonly from: () => Uint32Array } {
  const ends = valueOffsets as unknown as Int32Array | BigInt64Array;
  const sizes = Float64Array.from(
    { length: rows.length },
    (_, index) => Number(ends[rows[index]! + 1]) - Number(ends[rows[index]!]),
  );
  const isLarge = ends instanceof BigInt64Array;
  const offsets = isLarge ? new BigInt64Array(rows.length + 1) : new Int32Array(rows.length + 1);
  let end = 0;
  sizes.forEach((size, index) => {
    end += size;
    offsets[index + 1] = isLarge ? BigInt(end) : end;
  });
  const from = () => {
    const all = new Uint32Array(end);
    let filled = 0;
    sizes.forEach((size, index) => {
      const start = Number(ends[rows[index]!]);
      for (let value = 0; value < size; value++) all[filled++] = start + value;
    });
    return all;
  };
  return { offsets, from };
}

/** Copies texts or binary values. */
function takeBytes(
  { valueOffsets, values }: Data,
  rows: ArrayLike<number>,
  size: number,
): Uint8Array {
  const taken = new Uint8Array(size), bytes = values as Uint8Array;
  let filled = 0;
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]!;
    const value = bytes.subarray(Number(valueOffsets[row]), Number(valueOffsets[row + 1]));
    taken.set(value, filled);
    filled += value.length;
  }
  return taken;
}

/** Copies values of a type that no stage reads; they are only shown. */
function rebuilt(data: Data, rows: ArrayLike<number>): Data {
  const builder = makeBuilder({ type: data.type, nullValues: [null] });
  const vector = new Vector([data]);
  for (let index = 0; index < rows.length; index++) builder.append(vector.get(rows[index]!));
  return builder.finish().flush();
}
