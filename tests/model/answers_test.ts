import { assert, assertEquals, assertThrows } from "@std/assert";
import { makeData, RecordBatch, Schema, Struct, vectorFromArray } from "apache-arrow";
import { type ClassValue, labelAnswers, Predictions } from "../../src/model/answers.ts";
import { batchOfRows } from "../../src/model/rows.ts";
import { ScoreColumns } from "../../src/model/scores.ts";
import { fieldOf } from "../../src/run/model/family.ts";
import type { ModelFile, SourceFeature } from "../../src/run/model/model_file.ts";
import { RowDecoder } from "../../src/run/model/row_decoder.ts";
import { UserError } from "../../src/base/errors.ts";

type Label = Extract<ModelFile["label"], { type: unknown }>;

const labelOf = (text: string, family: Label["type"]["family"], vocabulary: string[]): Label => ({
  type: { text, family },
  options: { column: "y" },
  spec: { shape: [], kind: "class", classes: vocabulary.length, dtype: "int32", vocabulary },
} as Label);

const price = {
  name: "price",
  column: "price",
  type: { text: "Float64", family: "numbers" },
  options: {},
  spec: { shape: [], dtype: "float32" },
} as unknown as SourceFeature;

const largest = 2n ** 64n - 1n;

const cases: readonly (readonly [Label, readonly ClassValue[], type: string])[] = [
  [labelOf("Int32", "whole numbers", ["cat", "dog"]), ["cat", "dog"], "Utf8"],
  [labelOf("Int32", "whole numbers", ["1st", "2"]), ["1st", "2"], "Utf8"],
  [labelOf("Int32", "whole numbers", ["2", "1st"]), ["2", "1st"], "Utf8"],
  [labelOf("Bool", "booleans", ["off", "on"]), ["off", "on"], "Utf8"],
  [labelOf("Bool", "booleans", ["true", "false"]), [true, false], "Bool"],
  [labelOf("Int64", "whole numbers", ["-1", "1"]), [-1, 1], "Int64"],
  [labelOf("Uint64", "whole numbers", ["3", String(largest)]), [3, largest], "Uint64"],
  [labelOf("Float64", "numbers", ["1", "2.5"]), [1, 2.5], "Float64"],
  [labelOf("Utf8", "strings", ["1", "2"]), ["1", "2"], "Utf8"],
];

Deno.test("predictions are the names of classes, or values of the label that keep all digits", async () => {
  const schema = new Schema([fieldOf("price", price.type)]), [prices] = [vectorFromArray([0.5, 1])];
  const rows = new RecordBatch(
    schema,
    makeData({
      type: new Struct(schema.fields),
      length: 2,
      nullCount: 0,
      children: [prices.data[0]!],
    }),
  );
  for (const [label, classes, type] of cases) {
    const answers = labelAnswers(label);
    assertEquals(answers.classes, classes);
    const logits = Float32Array.of(0, 1, 1, 0);
    const predictions = new Predictions(answers, { rows: 2, units: 2, logits });
    const columns = new ScoreColumns(schema, { ...answers, units: 2 }, {
      keep: [],
      probabilities: false,
      logits: false,
    });
    const column = columns.batch(rows, predictions).getChild("prediction")!;
    assertEquals(String(column.type), type);
    // apache-arrow returns 64-bit integers as bigints.
    const expected = classes.map((value) => type === "Int64" ? BigInt(value) : value);
    const whole = type === "Uint64" ? expected.map((value) => BigInt(value)) : expected;
    assertEquals([...column], [whole[1], whole[0]]);
    // The rows have no label, and need none.
    const decoder = await RowDecoder.create(
      { features: [price], label, transforms: [], nulls: {} } as never,
      { find: () => Promise.reject(new Error("there are no transforms")) },
      { kind: "source", name: "arrow", place: undefined },
    );
    assertEquals(decoder.open(schema)(rows).batch.size, 2);
  }
});

Deno.test("a large vocabulary is indexed once, however many schemas the rows have", async () => {
  const vocabulary = Array.from({ length: 200_000 }, (_, id) => `value ${id}`);
  const city = {
    ...{ name: "city", column: "city", type: { text: "Utf8", family: "strings" } },
    options: { ids: "train" },
    spec: {
      ...{ shape: [], dtype: "int32", vocabulary },
      ids: { kind: "vocabulary", count: vocabulary.length + 1 },
    },
  } as unknown as SourceFeature;
  const decoder = await RowDecoder.create(
    {
      ...{ features: [city, price], transforms: [], nulls: {} },
      label: labelOf("Utf8", "strings", ["a", "b"]),
    } as never,
    { find: () => Promise.reject(new Error("there are no transforms")) },
    { kind: "source", name: "arrow", place: undefined },
  );
  const rows = batchOfRows({ features: [city, price] }, [{ city: "value 7", price: 1 }]);
  const opened = () => {
    const started = performance.now();
    const { batch } = decoder.open(rows.schema)(rows);
    assertEquals([...batch.features.city!.values], [7]);
    return performance.now() - started;
  };
  const first = opened(), others = Array.from({ length: 10 }, opened);
  const total = others.reduce((sum, time) => sum + time, 0);
  assert(total < first, `${total} ms for 10 decoders, after ${first} ms`);
});

Deno.test("batchOfRows() keeps whole numbers of 64 bits, and refuses larger ones", () => {
  const user = { ...price, column: "user", type: { text: "Uint64", family: "whole numbers" } };
  const batchOf = (...values: readonly unknown[]) =>
    batchOfRows({ features: [user as never] }, values.map((user) => ({ user })));
  assertEquals([...batchOf(largest, 3).getChild("user")!], [largest, 3n]);
  assertEquals([...batchOf(-(2n ** 63n), null).getChild("user")!], [-(2n ** 63n), null]);
  assertThrows(
    () => batchOf(1, largest + 1n),
    UserError,
    "the column user of row 1 has the bigint 18446744073709551616; expected a whole number below " +
      "18446744073709551616",
  );
  assertThrows(() => batchOf(-1, 2n ** 63n), UserError, "row 1");
});
