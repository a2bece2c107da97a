import { assertEquals } from "@std/assert";
import {
  Bool,
  type Data,
  Dictionary,
  Field,
  FixedSizeList,
  Float32,
  Int32,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableFromIPC,
  Utf8,
  Vector,
} from "apache-arrow";
import { join } from "node:path";
import { convert } from "../../../data/convert.ts";
import { arrowBytes, ArrowFileWriter } from "../../../src/base/files/arrow_writer.ts";
import { inFolder } from "../../support/command_line.ts";

/** A number of rows for which buffers have no padding between them. */
const rows = 8;

/**
 * Makes columns that share a buffer, or have overlapping or adjacent parts of one; returns them and
 * the values of row 1.
 */
function sharedColumns(): { batch: RecordBatch; second: Record<string, unknown> } {
  const numbers = Float32Array.from({ length: 4 * rows }, (_, at) => at);
  const part = (from: number, length = rows) =>
    makeData({ type: new Float32(), data: numbers.subarray(from, from + length) });
  const nullBitmap = Uint8Array.of(0b11111101);
  const bits = { length: rows, nullBitmap, nullCount: 1 };
  const text = new TextEncoder().encode("abcdefghijklmnop");
  const texts = (width: number) =>
    makeData({
      type: new Utf8(),
      length: rows,
      nullCount: 0,
      valueOffsets: Int32Array.from({ length: rows + 1 }, (_, row) => row * width),
      data: text,
    });
  const dictionary = new Vector([texts(2)]);
  const indices = Int32Array.from({ length: rows }, (_, row) => rows - 1 - row);
  const coded = () =>
    makeData({
      type: new Dictionary(new Utf8(), new Int32()),
      length: rows,
      nullCount: 0,
      data: indices,
      dictionary,
    });
  const item = new Field("item", new Float32(), true);
  const offsets = Int32Array.from({ length: rows + 1 }, (_, row) => row);
  const lists = makeData({
    type: new List(item),
    length: rows,
    nullCount: 0,
    valueOffsets: offsets,
    child: part(0),
  });
  const pairs = makeData({
    type: new FixedSizeList(2, item),
    length: rows,
    nullCount: 0,
    child: part(0, 2 * rows),
  });
  const columns: Record<string, readonly [Data, unknown]> = {
    one: [part(0), 1],
    same: [part(0), 1],
    overlapping: [part(4), 5],
    before: [part(2), 3],
    touching: [part(10), 11],
    integers: [
      makeData({ type: new Int32(), data: new Int32Array(numbers.buffer, 0, rows) }),
      0x3f800000,
    ],
    nullable: [makeData({ type: new Float32(), data: numbers.subarray(0, rows), ...bits }), null],
    flags: [makeData({ type: new Bool(), data: nullBitmap, length: rows, nullCount: 0 }), false],
    texts: [texts(2), "cd"],
    letters: [texts(1), "b"],
    coded: [coded(), "mn"],
    again: [coded(), "mn"],
    lists: [lists, [1]],
    other: [lists, [1]],
    pairs: [pairs, [2, 3]],
  };
  const fields = Object.entries(columns).map(([name, [{ type }]]) => new Field(name, type, true));
  const children = Object.values(columns).map(([data]) => data);
  const type = new Struct(fields);
  const batch = new RecordBatch(
    new Schema(fields),
    makeData({ type, length: rows, nullCount: 0, children }) as Data<Struct>,
  );
  const second = Object.fromEntries(
    Object.entries(columns).map(([name, [, value]]) => [name, value]),
  );
  return { batch, second };
}

const valuesOf = (table: Table): Record<string, unknown>[] =>
  table.toArray().map((row) => JSON.parse(JSON.stringify(row)));

Deno.test("arrowBytes() writes columns that share a buffer", () => {
  const { batch, second } = sharedColumns();
  const table = new Table([batch]);
  const read = valuesOf(tableFromIPC(arrowBytes(table)));
  assertEquals(read[1], second);
  assertEquals(read, valuesOf(table));
});

Deno.test("ArrowFileWriter writes columns that share a buffer, whole and in parts", () =>
  inFolder(async (folder) => {
    const { batch, second } = sharedColumns();
    const path = join(folder, "a.arrow");
    const writer = new ArrowFileWriter(path, batch.schema);
    writer.write(batch);
    writer.write(batch, 3);
    writer.write(batch.slice(1, rows), 4);
    writer.finish();
    const read = valuesOf(tableFromIPC(await Deno.readFile(path))),
      all = valuesOf(new Table([batch]));
    assertEquals(read[1], second);
    assertEquals(read, [...all, ...all, ...all.slice(1)]);
  }));

Deno.test("convert() copies a file whose columns share bytes", () =>
  inFolder(async (folder) => {
    const numbers = (from: number) => Float32Array.from({ length: rows }, (_, at) => from + at);
    const data = [numbers(0), numbers(100)].map((data) => makeData({ type: new Float32(), data }));
    const fields = ["x", "y"].map((name) => new Field(name, new Float32(), true));
    const type = new Struct(fields);
    const batch = new RecordBatch(
      new Schema(fields),
      makeData({ type, length: rows, nullCount: 0, children: data }) as Data<Struct>,
    );
    const bytes = arrowBytes(new Table([batch])), view = new DataView(bytes.buffer);
    // The offsets and lengths of y's buffers: no nulls at byte 32, and values of 32 bytes there. The
    // test replaces them with those of x.
    const place = [32n, 0n, 32n, 32n];
    let places = 0;
    for (let at = 0; at + 32 <= bytes.length; at += 8) {
      if (!place.every((part, index) => view.getBigInt64(at + 8 * index, true) === part)) continue;
      view.setBigInt64(at + 16, 0n, true);
      places++;
    }
    assertEquals(places, 1);
    const from = join(folder, "in.arrow"), to = join(folder, "out.arrow");
    await Deno.writeFile(from, bytes);
    await convert({ from, to });
    const read = tableFromIPC(await Deno.readFile(to));
    for (const name of ["x", "y"]) {
      assertEquals([...read.getChild(name)!], [0, 1, 2, 3, 4, 5, 6, 7]);
    }
  }));
