import {
  type DataType,
  Field,
  FixedSizeList,
  Float32,
  Int32,
  Table,
  tableToIPC,
  TimestampMillisecond,
  Utf8,
  vectorFromArray,
} from "apache-arrow";

/** Types of columns by a short name. */
export const types: Readonly<Record<"int" | "float" | "time" | "text" | "ints", () => DataType>> = {
  int: () => new Int32(),
  float: () => new Float32(),
  time: () => new TimestampMillisecond(),
  text: () => new Utf8(),
  ints: () => new FixedSizeList(2, new Field("item", new Int32())),
};

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
