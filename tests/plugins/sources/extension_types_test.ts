import { assertEquals } from "@std/assert";
import {
  type Data,
  type DataType,
  Field,
  FixedSizeBinary,
  Int32,
  Int8,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
} from "apache-arrow";
import { join } from "node:path";
import { plainBatch, plainField } from "../../../plugins/sources/extension_types.ts";
import { arrowSource } from "../../support/arrow.ts";
import { inFolder } from "../../support/command_line.ts";

const extended = (name: string, type: DataType, extension: string) =>
  new Field(name, type, true, new Map([["ARROW:extension:name", extension]]));

const uuids = new FixedSizeBinary(16);
const bytes = Uint8Array.from({ length: 32 }, (_, at) => at);
const texts = ["00010203-0405-0607-0809-0a0b0c0d0e0f", "10111213-1415-1617-1819-1a1b1c1d1e1f"];
const uuidData = makeData({ type: uuids, length: 2, nullCount: 0, data: bytes });
const boolData = makeData({ type: new Int8(), length: 2, nullCount: 0, data: Int8Array.of(-1, 0) });

function batchOf(fields: Field[], children: Data[]): RecordBatch {
  const type = new Struct(fields), [{ length }] = children as [Data];
  return new RecordBatch(
    new Schema(fields),
    makeData({ type, length, nullCount: 0, children }) as Data<Struct>,
  );
}

const valuesOf = (batch: RecordBatch) =>
  batch.toArray().map((row: Record<string, unknown>) =>
    JSON.parse(JSON.stringify(Object.fromEntries(Object.entries(row))))
  );

Deno.test("plainBatch() converts UUIDs to texts, and arrow.bool8 to booleans", () => {
  const fields = [
    extended("id", uuids, "arrow.uuid"),
    extended("flag", new Int8(), "arrow.bool8"),
    new Field("number", new Int8(), true),
  ];
  const batch = plainBatch(batchOf(fields, [uuidData, boolData, boolData]), undefined);
  assertEquals(batch.schema.fields.map(({ type }) => String(type)), ["Utf8", "Bool", "Int8"]);
  assertEquals(valuesOf(batch), [
    { id: texts[0], flag: true, number: -1 },
    { id: texts[1], flag: false, number: 0 },
  ]);
});

Deno.test("plainBatch() keeps nulls, and omits columns that are not requested", () => {
  const field = extended("id", uuids, "arrow.uuid");
  const data = makeData({
    type: uuids,
    length: 2,
    nullCount: 1,
    nullBitmap: Uint8Array.of(2),
    data: bytes,
  });
  const batch = batchOf([field, extended("flag", new Int8(), "arrow.bool8")], [data, boolData]);
  assertEquals(valuesOf(plainBatch(batch, ["id"])), [{ id: null }, { id: texts[1] }]);
});

Deno.test("plainBatch() reads lists and structs of extension types", () => {
  const item = extended("item", uuids, "arrow.uuid"),
    flag = extended("b", new Int8(), "arrow.bool8");
  const lists = makeData({
    type: new List(item),
    length: 2,
    nullCount: 0,
    valueOffsets: Int32Array.of(0, 2, 2),
    child: uuidData,
  });
  const structs = makeData({
    type: new Struct([flag]),
    length: 2,
    nullCount: 0,
    children: [boolData],
  });
  const fields = [new Field("l", lists.type, true), new Field("s", structs.type, true)];
  const batch = plainBatch(batchOf(fields, [lists, structs]), undefined);
  assertEquals(batch.schema.fields.map(({ type }) => String(type)), [
    "List<Utf8>",
    "Struct<{b:Bool}>",
  ]);
  assertEquals(valuesOf(batch), [{ l: texts, s: { b: true } }, { l: [], s: { b: false } }]);
});

Deno.test("plainField() does not change an extension type with an unexpected storage type", () => {
  for (
    const field of [
      extended("x", new Int32(), "arrow.bool8"),
      extended("x", new FixedSizeBinary(8), "arrow.uuid"),
      extended("x", new Int8(), "toString"),
    ]
  ) assertEquals(plainField(field), field);
});

Deno.test("arrow reads the same values of extension types by record batch and by row", () =>
  inFolder(async (folder) => {
    const fields = [
      extended("id", uuids, "arrow.uuid"),
      extended("flag", new Int8(), "arrow.bool8"),
    ];
    const table = new Table([batchOf(fields, [uuidData, boolData])]);
    await Deno.writeFile(join(folder, "a.arrow"), tableToIPC(table, "file"));
    const dataset = await arrowSource("a.arrow", folder).open();
    assertEquals(dataset.schema.fields.map(({ type }) => String(type)), ["Utf8", "Bool"]);
    const batch = await dataset.recordBatch!(0);
    assertEquals(valuesOf(batch), [{ id: texts[0], flag: true }, { id: texts[1], flag: false }]);
    const rows = await dataset.rows!([1, 0, 1]);
    assertEquals(valuesOf(rows), [1, 0, 1].map((row) => valuesOf(batch)[row]));
    await dataset.close!();
  }));
