import { assert, assertEquals } from "@std/assert";
import { Field, Float64, Int32, makeData, RecordBatch, Schema, Struct } from "apache-arrow";
import { recordBatchOf, withQuickAssign } from "../../src/base/wide_schema.ts";

const schema = () =>
  new Schema(
    [
      new Field("a", new Int32(), false, new Map([["unit", "m"]])),
      new Field("b", new Float64(), true),
    ],
    new Map([["made", "here"]]),
  );

const children = (rows: number) => [
  makeData({ type: new Int32(), data: Int32Array.of(1, 2, 3) }),
  makeData({ type: new Float64(), data: new Float64Array(rows).fill(0.5) }),
];

Deno.test("recordBatchOf() makes the same record batch as arrow-js from the same columns", () => {
  for (const rows of [3, 2]) {
    const batch = recordBatchOf(schema(), children(rows), 3);
    const type = new Struct(schema().fields);
    const data = makeData({ type, length: 3, nullCount: 0, children: children(rows) });
    const expected = new RecordBatch(schema(), data);
    assertEquals(batch.schema.fields, expected.schema.fields);
    assertEquals(batch.toArray().map(String), expected.toArray().map(String));
    assertEquals(batch.schema.metadata, expected.schema.metadata);
    assertEquals(batch.schema.fields[0]!.metadata, new Map([["unit", "m"]]));
  }
});

Deno.test("withQuickAssign() leaves all other columns to arrow-js", () => {
  const more = new Field("c", new Int32(), true), quick = withQuickAssign(schema());
  assertEquals(quick.assign(more).fields.map(String), schema().assign(more).fields.map(String));
  assert(Object.keys(quick).every((key) => key !== "assign"));
});
