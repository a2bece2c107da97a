import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  Bool,
  Field,
  Int32,
  List,
  makeData,
  RecordBatch,
  Schema,
  Table,
  tableFromArrays,
  Vector,
  vectorFromArray,
} from "apache-arrow";
import { UserError } from "../../src/base/errors.ts";
import { StageError } from "../../src/stages/stage_error.ts";
import type { Dataset, Source } from "../../src/stages/source.ts";
import { arrowSource, memorySource, open, sourceReference, valuesOf } from "../support/arrow.ts";
import { openSplit } from "../../src/input/split.ts";

const options = {
  features: { fixed_list: {}, uint8: {} },
  label: { column: "uint8", kind: "number" },
};
/**
 * Rows 0 to 4 in record batches of three and two; a row's list starts with four times its number.
 */
const five = () => open(arrowSource("types.arrow"), options);
const rowsOf = (values: ArrayLike<number>) =>
  Array.from({ length: values.length / 4 }, (_, row) => values[4 * row]! / 4);

const table = (columns: Record<string, Vector | unknown[] | ArrayBufferView>) =>
  memorySource(tableFromArrays(columns as Record<string, unknown[]>));

Deno.test("Split.gather() copies rows of all record batches, in any order", async () => {
  const split = await five();
  const batch = split.gather([4, 0, 2, 2, 3]);
  assertEquals(batch.size, 5);
  assertEquals(rowsOf(batch.features.fixed_list!.values), [4, 0, 2, 2, 3]);
  assertEquals(Array.from(batch.label.values), [255, 0, 2, 2, 3]);
  assert(batch.features.fixed_list!.values instanceof Uint8Array);
  batch.features.fixed_list!.values.fill(0);
  assertEquals(rowsOf(split.gather([4]).features.fixed_list!.values), [4]);
});

Deno.test("Split.slice() returns a view within a record batch and a copy across two", async () => {
  const split = await five();
  const [first, second, across] = [split.slice(0, 2), split.slice(1, 3), split.slice(2, 5)]
    .map(({ features }) => features.fixed_list!.values);
  assert(first!.buffer === second!.buffer);
  assert(first!.buffer !== across!.buffer);
  assertEquals([rowsOf(second!), rowsOf(across!)], [[1, 2], [2, 3, 4]]);
  assertEquals(split.slice(2, 2).size, 0);
  assertEquals(valuesOf(split, "uint8"), [0, 1, 2, 3, 255]);
});

Deno.test("openSplit() decodes a large record batch in parts, without changing values", async () => {
  const rows = 2 ** 18 + 3;
  const whole = Int32Array.from({ length: rows }, (_, row) => row);
  const bits = new Uint8Array(Math.ceil(rows / 8));
  const valid = new Uint8Array(bits.length).fill(255);
  for (let row = 0; row < rows; row += 3) bits[row >> 3]! |= 1 << (row & 7);
  for (let row = 0; row < rows; row += 5) valid[row >> 3]! &= ~(1 << (row & 7));
  const nullCount = Math.ceil(rows / 5);
  const child = makeData({ type: new Int32(), data: whole.map((row) => -row) });
  const valueOffsets = Int32Array.from({ length: rows + 1 }, (_, row) => row);
  const list = new List(new Field("item", new Int32()));
  const large = new Table({
    whole: new Vector([makeData({ type: new Int32(), data: whole })]),
    third: new Vector([makeData({ type: new Bool(), length: rows, data: bits })]),
    gaps: new Vector([
      makeData({ type: new Int32(), data: whole, nullBitmap: valid, nullCount }),
    ]),
    list: new Vector([makeData({ type: list, valueOffsets, child, length: rows })]),
  });
  const split = await open(memorySource(large), {
    features: { third: {}, gaps: { nulls: { fill: -1 } }, list: {} },
    label: { column: "whole", kind: "number" },
  });
  const numbers = [0, 5, 2 ** 18 - 1, 2 ** 18, 2 ** 18 + 1, rows - 1];
  const { features, label } = split.gather(numbers);
  const values = Object.values(features).map(({ values }) => Array.from(values));
  assertEquals([Array.from(label.values), ...values], [
    numbers,
    numbers.map((row) => Number(row % 3 === 0)),
    numbers.map((row) => row % 5 === 0 ? -1 : row),
    numbers.map((row) => -row),
  ]);
});

Deno.test("Split.slice() and Split.gather() refuse rows that do not exist", async () => {
  const split = await five();
  for (const [start, end] of [[0, 6], [-1, 2], [3, 2]] as const) {
    assertThrows(() => split.slice(start, end), RangeError, `no rows ${start} to ${end} among 5`);
  }
  assertThrows(() => split.gather([5]), RangeError, "no row 5 among 5");
  assertThrows(() => split.subset(Uint32Array.of(7)), RangeError, "no row 7");
});

Deno.test("Split.subset() numbers its rows from 0, also in a subset of a subset", async () => {
  const split = await five();
  const subset = split.subset(Uint32Array.of(4, 1, 3));
  assertEquals(subset.rows, 3);
  assertEquals(valuesOf(subset, "uint8"), [255, 1, 3]);
  assertEquals(rowsOf(subset.gather([2, 0]).features.fixed_list!.values), [3, 4]);
  assertEquals(valuesOf(subset.subset(Uint32Array.of(1, 0)), "uint8"), [1, 255]);
  assertThrows(() => subset.gather([3]), RangeError, "no row 3 among 3");
  assertEquals([subset.features, subset.label], [split.features, split.label]);
});

Deno.test("Split omits rows that any column drops", async () => {
  const split = await open(arrowSource("nulls.arrow"), {
    features: { int: { nulls: "drop" }, row: {} },
    label: { column: "float", nulls: "drop" },
  });
  assertEquals(split.rows, 2);
  assertEquals(valuesOf(split, "row"), [0, 3]);
  assertEquals(Array.from(split.slice(0, 2).label.values), [0.5, 2]);
});

Deno.test("openSplit() reports all missing columns together, with the nearest name", async () => {
  const error = await assertRejects(
    () =>
      open(arrowSource("types.arrow"), {
        features: { bol: {}, x: { column: "strin" } },
        label: "lst",
      }),
    UserError,
  );
  assertEquals(error.exitCode, 2);
  assertEquals(
    error.problems.map((
      { message, place }: UserError["problems"][number],
    ) => [message, place?.path]),
    [
      ['the data has no column "bol"', "data.features.bol"],
      ['the data has no column "strin"', "data.features.x.column"],
      ['the data has no column "lst"', "data.label"],
    ],
  );
  assertStringIncludes(error.problems[0]!.hint!, "did you mean bool? its columns are int8, ");
  assertStringIncludes(error.problems[2]!.hint!, "did you mean list?");
});

Deno.test("openSplit() uses shapes and ids of the training split", async () => {
  const train = await open(table({ city: ["Rome", "Bonn", "Rome"], n: [1, 2, 3] }), {
    features: { city: {} },
    label: { column: "n", kind: "number" },
  });
  const test = (cities: string[]) =>
    open(table({ city: cities, n: cities.map(() => 1) }), {
      features: { city: {} },
      label: { column: "n", kind: "number" },
    }, train);
  assertEquals(valuesOf(train, "city"), [1, 0, 1]);
  assertEquals(valuesOf(await test(["Rome"]), "city"), [1]);
  const error = await assertRejects(() => test(["Bonn", "Oslo"]), UserError);
  assertEquals(
    error.message,
    'row 1, column city: has the value "Oslo", which is not among the 2 values of the training rows (rows count from 0)',
  );
  assertEquals(
    error.problems[0]!.hint,
    "write `ids: train`, which gives all unknown values one id; the known values are Bonn, Rome",
  );
});

Deno.test("openSplit() refuses columns that differ from the training split", async () => {
  const request = { features: { x: {} }, label: { column: "n", kind: "number" } };
  const n = [0.5, 1];
  const train = await open(table({ x: Uint8Array.of(1, 2), n }), request);
  assertEquals(valuesOf(await open(table({ x: Int32Array.of(300, 4), n }), request, train), "x"), [
    300,
    4,
  ]);
  const halves = await open(table({ x: Float32Array.of(0.5, 0.25), n }), request, train);
  assertEquals(valuesOf(halves, "x"), [0.5, 0.25]);
  const error = await assertRejects(
    () => open(table({ x: ["a", "b"], n }), request, train),
    UserError,
  );
  assertEquals(
    error.message,
    "the column x holds strings in this split (Dictionary<Int32, Utf8>), but whole numbers in the training split (Uint8)",
  );
  const images = (name: string) => ({ features: { x: { column: name } }, label: request.label });
  const lists = (...rows: number[][]) => vectorFromArray(rows);
  const square = await open(table({ x: lists([1, 2], [3, 4]), n }), images("x"));
  const other = await assertRejects(
    () => open(table({ x: lists([1, 2, 3], [3, 4, 5]), n }), images("x"), square),
    UserError,
  );
  assertStringIncludes(other.message, "row 0, column x: has 3 values; expected 2");
});

Deno.test("openSplit() refuses two columns with the same name if the source does not", async () => {
  const [batch] = tableFromArrays({ x: Int32Array.of(1, 2), y: [0.5, 1], z: [2, 3] }).batches;
  const fields = batch!.schema.fields.map((field) =>
    field.name === "z" ? new Field("x", field.type) : field
  );
  const source = memorySource(new Table([new RecordBatch(new Schema(fields), batch!.data)]));
  await assertRejects(
    () => open(source, { features: { x: {} }, label: "y" }),
    UserError,
    "the data has 2 columns with the name x",
  );
});

Deno.test("openSplit() opens files without rows", async () => {
  const request = { features: { uint8: {} }, label: { column: "uint8", classes: 10 } };
  for (const file of ["no_rows.arrow", "no_batches.arrow", "no_batches.arrows"]) {
    const split = await open(arrowSource(file), request);
    assertEquals(split.rows, 0);
    assertEquals(split.slice(0, 0).size, 0);
  }
});

Deno.test("openSplit() names the stage that does not return a data set", async () => {
  // Each case would close it for the next.
  const { close, ...opened } = await arrowSource("types.arrow").open();
  const schemaOnly = (async function* () {})();
  const cases: [Partial<Dataset> | undefined, string][] = [
    [undefined, "returned something that is not a data set"],
    [{ schema: opened.schema }, "returned something that is not a data set"],
    [
      { ...opened, recordBatches: () => schemaOnly as never, schema: { fields: 3 } as never },
      "not a data set",
    ],
    [
      {
        ...opened,
        // deno-lint-ignore require-yield
        async *recordBatches() {
          throw new TypeError("the disk is on fire");
        },
      },
      "failed in recordBatches(): TypeError: the disk is on fire",
    ],
    [
      {
        ...opened,
        async *recordBatches() {
          yield (await opened.recordBatch!(0)).select(["int8"]);
        },
      },
      "returned a record batch without the column fixed_list",
    ],
  ];
  for (const [dataset, message] of cases) {
    const source: Source = { open: () => Promise.resolve(dataset as Dataset) };
    const error = await assertRejects(() => open(source, options), StageError);
    assertStringIncludes(error.message, 'the source stage "arrow" ');
    assertStringIncludes(error.message, message);
    assertEquals(error.problems[0]!.place, sourceReference.place);
  }
  await close!();
});

Deno.test("openSplit() closes the data set when a column is refused, and Split.close() does", async () => {
  let closed = 0;
  const dataset = await arrowSource("types.arrow").open();
  const source: Source = {
    open: () =>
      Promise.resolve({
        ...dataset,
        close() {
          closed++;
          return Promise.resolve();
        },
      }),
  };
  await assertRejects(() => open(source, { ...options, label: "nothing" }), UserError);
  assertEquals(closed, 1);
  await (await open(source, options)).close();
  assertEquals(closed, 2);
});

Deno.test("openSplit() works without places", async () => {
  const request = {
    features: {},
    label: { column: "lst", nulls: "error" as const },
    nulls: undefined,
    texts: {},
    teachers: {},
    weight: undefined,
    columns: [],
    stage: sourceReference,
    places: undefined,
  };
  await assertRejects(() => openSplit(arrowSource("types.arrow"), request), UserError, "no column");
});

Deno.test("openSplit() requests the columns of features and label once each", async () => {
  const table = tableFromArrays({
    a: Float32Array.of(1),
    b: Float32Array.of(2),
    y: Uint8Array.of(0),
  });
  const source = memorySource(table);
  const asked: unknown[] = [];
  const listening: Source = {
    open(request) {
      asked.push(request);
      return source.open(request);
    },
  };
  const features = { first: { column: "b" }, again: { column: "b" }, a: {} };
  const split = await open(listening, { features, label: { column: "y", classes: 2 } });
  assertEquals(asked, [{ columns: ["b", "a", "y"] }]);
  await split.close();
});
