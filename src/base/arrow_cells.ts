import {
  Binary,
  BinaryView,
  type Data,
  DataType,
  type Dictionary,
  type FixedSizeList,
  LargeBinary,
  Vector,
} from "apache-arrow";

/** Keeps the character U+FEFF with which a text may start. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Returns a function that reads the values of a column as apache-arrow does, but with all of their
 * characters: apache-arrow leaves out the character U+FEFF at the start of a text, so that two
 * different texts become the same. Lists are read as arrays.
 *
 * @param data The column.
 * @returns A function that takes the number of a row; its result is null for a null.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { cellReader } from "@rocket-launching/rocket/plugin";
 * import { Utf8, vectorFromArray } from "apache-arrow";
 *
 * const texts = vectorFromArray(["\ufefffirst", null], new Utf8());
 * const read = cellReader(texts.data[0]!);
 *
 * assertEquals([read(0), read(1)], ["\ufefffirst", null]);
 * ```
 */
export function cellReader(data: Data): (row: number) => unknown {
  const { type } = data;
  const binary = binaryOf(type);
  if (binary) {
    const bytes = new Vector([data.clone(binary as never) as Data]);
    return (row) => {
      const value = bytes.get(row) as Uint8Array | null;
      return value && decoder.decode(value);
    };
  }
  if (DataType.isDictionary(type)) return entryReader(data as Data<Dictionary>);
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isFixedSizeList(type)) {
    const read = cellReader(data.children[0] as Data);
    const range = rangeReader(data);
    return (row) => {
      if (!data.getValid(row)) return null;
      const [from, to] = range(row);
      return Array.from({ length: to - from }, (_, item) => read(from + item));
    };
  }
  const vector = new Vector([data]);
  return (row) => vector.get(row);
}

/** Returns the binary type with the layout of a text type; undefined for other types. */
function binaryOf(type: DataType): DataType | undefined {
  if (DataType.isUtf8(type)) return new Binary();
  if (DataType.isLargeUtf8(type)) return new LargeBinary();
  if (DataType.isUtf8View(type)) return new BinaryView();
  return undefined;
}

function rangeReader({ type, valueOffsets: offsets }: Data): (row: number) => [number, number] {
  if (!DataType.isFixedSizeList(type)) {
    return (row) => [Number(offsets[row]), Number(offsets[row + 1])];
  }
  const { listSize } = type as FixedSizeList;
  return (row) => [row * listSize, (row + 1) * listSize];
}

function entryReader(data: Data<Dictionary>): (row: number) => unknown {
  const parts = data.dictionary!.data.map((part) => ({
    length: part.length,
    read: cellReader(part as Data),
  }));
  return (row) => {
    if (!data.getValid(row)) return null;
    let entry = Number(data.values[row]);
    for (const { length, read } of parts) {
      if (entry < length) return read(entry);
      entry -= length;
    }
    throw new RangeError(`the dictionary has no entry ${data.values[row]}`);
  };
}
