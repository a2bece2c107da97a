import {
  Binary,
  type DataType,
  Field,
  FixedSizeList,
  Float32,
  Int32,
  List,
  Schema,
  Struct,
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
  struct: () => new Struct([new Field("n", new Int32())]),
  image: () =>
    new Struct([new Field("bytes", new Binary(), true), new Field("path", new Utf8(), true)]),
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
 * @param metadata The metadata of the schema.
 */
export function arrowFile(
  columns: Readonly<Record<string, Column>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const vectors = Object.entries(columns).map(([name, [type, values]]) =>
    [name, vectorFromArray([...values], types[type]())] as const
  );
  const table = new Table(Object.fromEntries(vectors));
  const schema = new Schema(table.schema.fields, new Map(Object.entries(metadata)));
  return new Uint8Array(tableToIPC(new Table(schema, table.batches), "file"));
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
