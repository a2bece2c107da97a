import { assertEquals } from "@std/assert";
import {
  type Data,
  type DataType,
  Dictionary,
  Field,
  FixedSizeList,
  Int8,
  LargeUtf8,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  Utf8View,
  Vector,
} from "apache-arrow";
import { findBrokenText } from "../../../plugins/sources/utf8.ts";

/** The bytes of some texts; `@` stands for a byte that no UTF-8 has. */
const bytesOf = (texts: readonly (string | null)[]) => {
  const bytes = new TextEncoder().encode(texts.join(""));
  return bytes.map((byte) => byte === 0x40 ? 0xe9 : byte);
};

const nullsOf = (values: readonly unknown[]) => ({
  nullCount: values.filter((value) => value === null).length,
  nullBitmap: Uint8Array.of(
    values.reduce<number>((bits, value, row) => value === null ? bits : bits | 1 << row, 0),
  ),
});

/** A column of texts. Nulls may have bytes as well. */
function texts(values: readonly string[], nulls: readonly number[] = []): Data<Utf8> {
  const valueOffsets = new Int32Array(values.length + 1);
  values.forEach((text, row) =>
    valueOffsets[row + 1] = valueOffsets[row]! + new TextEncoder().encode(text).length
  );
  const marks = values.map((text, row) => nulls.includes(row) ? null : text);
  const data = bytesOf(values);
  return makeData({
    type: new Utf8(),
    length: values.length,
    valueOffsets,
    data,
    ...nullsOf(marks),
  });
}

function batchOf(columns: Record<string, Data>): RecordBatch {
  const fields = Object.entries(columns).map(([name, { type }]) => new Field(name, type, true));
  const [{ length }] = Object.values(columns) as [Data];
  const type = new Struct(fields), children = Object.values(columns);
  return new RecordBatch(
    new Schema(fields),
    makeData({ type, length, nullCount: 0, children }) as Data<Struct>,
  );
}

const rowOf = (data: Data) => findBrokenText(batchOf({ x: data }), undefined)?.row;

Deno.test("findBrokenText() returns the row of the first text that is not valid UTF-8", () => {
  assertEquals(rowOf(texts(["a", "é", "", "日本"])), undefined);
  assertEquals(rowOf(texts(["a", "é", "c@", "@"])), 2);
  assertEquals(rowOf(texts([])), undefined);
});

Deno.test("findBrokenText() finds a character that is split between two texts", () => {
  const { values } = texts(["aé"]);
  const valueOffsets = Int32Array.of(0, 2, 3);
  assertEquals(rowOf(makeData({ type: new Utf8(), length: 2, valueOffsets, data: values })), 0);
});

Deno.test("findBrokenText() ignores the bytes of nulls", () => {
  assertEquals(rowOf(texts(["a", "@", "b"], [1])), undefined);
  assertEquals(rowOf(texts(["a", "@", "@"], [1])), 2);
});

Deno.test("findBrokenText() reads large texts and views of texts", () => {
  const data = bytesOf(["a@b"]), valueOffsets = BigInt64Array.of(0n, 1n, 2n, 3n);
  assertEquals(rowOf(makeData({ type: new LargeUtf8(), length: 3, valueOffsets, data })), 1);
  // A short text lies in its view, a long one in a buffer of its own.
  const long = bytesOf([`@${"a".repeat(19)}`]), views = new Uint8Array(32);
  const view = new DataView(views.buffer);
  view.setInt32(0, 2, true);
  views.set(bytesOf(["ab"]), 4);
  view.setInt32(16, long.length, true);
  views.set(long.subarray(0, 4), 20);
  const whole = { type: new Utf8View(), length: 2, views, variadicBuffers: [long] };
  assertEquals(rowOf(makeData(whole as never)), 1);
});

Deno.test("findBrokenText() returns the row that uses an invalid entry of a dictionary", () => {
  const type = new Dictionary(new Utf8(), new Int8());
  const dictionary = new Vector([texts(["a", "@", "b"])]);
  const column = (...indices: number[]) =>
    makeData({ type, length: indices.length, data: Int8Array.from(indices), dictionary });
  assertEquals(rowOf(column(0, 2, 1)), 2);
  assertEquals(rowOf(column(0, 2, 0)), undefined);
});

Deno.test("findBrokenText() finds texts in lists and structs", () => {
  const item = (type: DataType) => new Field("item", type, true);
  const child = texts(["a", "@", "b", "@"]);
  const list = (offsets: number[], valid: readonly unknown[] = offsets.slice(1)) =>
    makeData({
      type: new List(item(child.type) as Field<Utf8>),
      length: offsets.length - 1,
      valueOffsets: Int32Array.from(offsets),
      child,
      ...nullsOf(valid),
    });
  assertEquals(rowOf(list([0, 1, 1, 3])), 2);
  assertEquals(rowOf(list([2, 3, 3])), undefined);
  assertEquals(rowOf(list([0, 2, 4], [null, 4])), 1);
  const pairs = new FixedSizeList(2, item(child.type) as Field<Utf8>);
  assertEquals(rowOf(makeData({ type: pairs, length: 2, nullCount: 0, child })), 0);
  const struct = new Struct([item(child.type)]);
  assertEquals(rowOf(makeData({ type: struct, length: 4, nullCount: 0, children: [child] })), 1);
});

Deno.test("findBrokenText() checks only the columns that are read", () => {
  const batch = batchOf({ x: texts(["@"]), y: texts(["a"]) });
  assertEquals(findBrokenText(batch, ["y"]), undefined);
  assertEquals(findBrokenText(batch, ["y", "x"]), { column: "x", row: 0, nested: false });
});
