import {
  Binary,
  type DataType,
  Field,
  FixedSizeList,
  Float32,
  Int32,
  List,
  Table,
  tableToIPC,
  TimestampMillisecond,
  Uint32,
  Utf8,
  vectorFromArray,
} from "apache-arrow";

/** Types of columns by a short name. */
export const types = {
  int: () => new Int32(),
  uint: () => new Uint32(),
  float: () => new Float32(),
  time: () => new TimestampMillisecond(),
  text: () => new Utf8(),
  bytes: () => new Binary(),
  ints: () => new FixedSizeList(2, new Field("item", new Int32())),
  three: () => new FixedSizeList(3, new Field("item", new Int32())),
  intLists: () => new List(new Field("item", new Int32())),
  floatLists: () => new List(new Field("item", new Float32())),
  textLists: () => new List(new Field("item", new Utf8())),
} as const satisfies Readonly<Record<string, () => DataType>>;

/** A column: its type and its values. */
export type Column = readonly [type: keyof typeof types, values: readonly unknown[]];

/**
 * An Arrow file of a few rows.
 *
 * @param columns The columns by name.
 */
export function arrowFile(columns: Readonly<Record<string, Column>>): Uint8Array<ArrayBuffer> {
  const vectors = Object.entries(columns).map(([name, [type, values]]) =>
    [name, vectorFromArray([...values], types[type]())] as const
  );
  return new Uint8Array(tableToIPC(new Table(Object.fromEntries(vectors)), "file"));
}

/** A file whose column colB is called colA. */
export function renamed(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode("colB");
  return bytes.map((byte, at) =>
    byte === name[3] && name.subarray(0, 3).every((other, index) => bytes[at - 3 + index] === other)
      ? "A".charCodeAt(0)
      : byte
  );
}
