/**
 * Columns without dictionaries. The record batches of a file share one dictionary a column; where each of them
 * may bring its own, values are written in its place.
 *
 * @module
 */

import {
  type Data,
  DataType,
  DateUnit,
  type Dictionary,
  Field,
  FixedSizeList,
  LargeList,
  List,
  makeBuilder,
  makeData,
  type Vector,
} from "apache-arrow";

/**
 * A type with the values of dictionaries in their place, in lists as well.
 *
 * @param type The type.
 * @returns The type itself if it has no dictionary.
 */
export function plainType(type: DataType): DataType {
  if (DataType.isDictionary(type)) return (type as Dictionary).dictionary;
  const [item] = isList(type) ? type.children : [];
  const inner = item && plainType(item.type);
  if (!inner || inner === item.type) return type;
  const field = new Field(item.name, inner, item.nullable, item.metadata);
  if (DataType.isFixedSizeList(type)) return new FixedSizeList(type.listSize, field);
  return DataType.isLargeList(type) ? new LargeList(field) : new List(field);
}

/**
 * A column with the values of dictionaries in their place, in lists as well. A value that is null in its
 * dictionary is null.
 *
 * @param data The column in a record batch.
 * @returns The column itself if it has no dictionary.
 */
export function plainData(data: Data): Data {
  if (DataType.isDictionary(data.type)) return lookedUp(data);
  const type = plainType(data.type);
  if (type === data.type) return data;
  return data.clone(
    type,
    data.offset,
    data.length,
    data.nullCount,
    data.buffers,
    [plainData(data.children[0]!)],
  );
}

const isList = (type: DataType) =>
  DataType.isList(type) || DataType.isLargeList(type) || DataType.isFixedSizeList(type);

function lookedUp(data: Data): Data {
  const { length } = data, { dictionary: type } = data.type as Dictionary;
  const words = data.dictionary as Vector;
  const indices = data.values as unknown as ArrayLike<number | bigint>;
  const place = (row: number) => data.getValid(row) ? Number(indices[row]) : -1;
  const width = widthOf(type);
  if (width === undefined) {
    const builder = makeBuilder({ type, nullValues: [null] });
    for (let row = 0; row < length; row++) {
      const at = place(row);
      builder.append(at < 0 ? null : words.get(at));
    }
    return builder.finish().flush();
  }
  const chunks = words.data.map((chunk) => chunk.values as Int32Array);
  const all = joined(
    chunks.map(({ buffer, byteOffset }, index) =>
      new Uint8Array(buffer, byteOffset, words.data[index]!.length * width)
    ),
  );
  const bytes = new Uint8Array(length * width), nullBitmap = new Uint8Array(length + 7 >> 3);
  let nullCount = 0;
  for (let row = 0; row < length; row++) {
    const at = place(row);
    if (at < 0 || !words.isValid(at)) {
      nullCount++;
      continue;
    }
    nullBitmap[row >> 3]! |= 1 << (row & 7);
    bytes.set(all.subarray(at * width, (at + 1) * width), row * width);
  }
  const array = chunks[0]!.constructor as new (buffer: ArrayBuffer) => Int32Array;
  const values = new array(bytes.buffer);
  return makeData({ type, length, nullCount, nullBitmap, data: values } as never);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let filled = 0;
  for (const part of parts) {
    all.set(part, filled);
    filled += part.length;
  }
  return all;
}

/** The bytes of a value, for types whose values have as many each. */
function widthOf(type: DataType): number | undefined {
  if (DataType.isInt(type) || DataType.isTime(type) || DataType.isDecimal(type)) {
    return type.bitWidth / 8;
  }
  if (DataType.isFloat(type)) return 2 << type.precision;
  if (DataType.isDate(type)) return type.unit === DateUnit.DAY ? 4 : 8;
  if (DataType.isFixedSizeBinary(type)) return type.byteWidth;
  return DataType.isTimestamp(type) || DataType.isDuration(type) ? 8 : undefined;
}
