import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Field, Float32, Int32, List, Table, tableFromArrays, vectorFromArray } from "apache-arrow";
import { ColumnReader } from "../../src/input/columns.ts";
import { UserError } from "../../src/base/errors.ts";
import { arrowSource, expected, memorySource, open, valuesOf } from "../support/arrow.ts";

const label = { column: "uint8", kind: "number" };
const types = (features: Record<string, unknown>, file = "types.arrow") =>
  open(arrowSource(file), { features, label });
const nulls = (features: Record<string, unknown>, file = "nulls.arrow") =>
  open(arrowSource(file), { features, label: { column: "row", kind: "number" } });
const broken = (features: Record<string, unknown>) =>
  open(arrowSource("broken_numbers.arrow"), { features, label: { column: "row", kind: "number" } });

const numeric = Object.keys(expected).filter((name) =>
  typeof expected[name]!.flat(3)[0] === "number" && name !== "ragged"
);
const strings = Object.keys(expected).filter((name) => typeof expected[name]![0] === "string");

for (const file of ["types.arrow", "types.arrows"]) {
  Deno.test(`ColumnReader reads numbers of every type as pyarrow wrote them [${file}]`, async () => {
    const split = await types(Object.fromEntries(numeric.map((name) => [name, {}])), file);
    for (const name of numeric) {
      assertEquals(valuesOf(split, name), expected[name]!.flat(3) as number[], name);
      assertEquals(split.features[name]!.dtype, "float32", name);
    }
  });

  Deno.test(`ColumnReader maps strings to sorted ids, in any encoding [${file}]`, async () => {
    const split = await types(Object.fromEntries(strings.map((name) => [name, {}])), file);
    for (const name of strings) {
      const { vocabulary, dtype, shape } = split.features[name]!;
      assertEquals([vocabulary, dtype, shape], [
        [...new Set(expected[name] as string[])].sort(),
        "int32",
        [],
      ]);
      const ids = split.slice(0, split.rows).features[name]!.values;
      assert(ids instanceof Int32Array, name);
      assertEquals(
        Array.from(ids, (id) => vocabulary![id]!),
        [...expected[name] as string[]],
        name,
      );
    }
  });
}

Deno.test("ColumnReader reads rows from the middle of tables that pyarrow sliced", async () => {
  const names = [...numeric, ...strings];
  const split = await types(Object.fromEntries(names.map((name) => [name, {}])), "sliced.arrow");
  for (const name of numeric) {
    assertEquals(valuesOf(split, name), expected[name]!.slice(1, 4).flat(3) as number[], name);
  }
  for (const name of strings) {
    const { vocabulary } = split.features[name]!;
    const read = valuesOf(split, name).map((id) => vocabulary![id]!);
    assertEquals(read, expected[name]!.slice(1, 4) as string[], name);
  }
});

Deno.test("ColumnReader reads rows from the middle of a record batch that is sliced in memory", async () => {
  const whole = await arrowSource("types.arrow").open();
  const [first, second] = [await whole.recordBatch!(0), await whole.recordBatch!(1)];
  const split = await open(memorySource([first.slice(1, 3), second.slice(1, 2)]), {
    features: Object.fromEntries([...numeric, ...strings].map((name) => [name, {}])),
    label,
  });
  const rows = (name: string) => [1, 2, 4].map((row) => expected[name]![row]);
  for (const name of numeric) {
    assertEquals(valuesOf(split, name), rows(name).flat(3) as number[], name);
  }
  for (const name of strings) {
    const { vocabulary } = split.features[name]!;
    assertEquals(valuesOf(split, name).map((id) => vocabulary![id]), rows(name) as string[], name);
  }
});

Deno.test("ColumnReader derives shapes from fixed-size lists and from the first row of lists", async () => {
  const split = await types({
    fixed_list: {},
    nested_fixed_list: {},
    fixed_binary: {},
    list: {},
    list_of_fixed_lists: {},
    list_of_lists: {},
    reshaped: { column: "fixed_list", shape: [2, 2, 1] },
  });
  assertEquals(
    Object.values(split.features).map(({ shape }) => shape),
    [[4], [3, 2], [3], [2], [3, 2], [3], [2, 2, 1]],
  );
});

Deno.test("ColumnReader uses the shape of Arrow's tensors", async () => {
  const { schema, recordBatches } = await arrowSource("tensor.arrow").open();
  const reader = new ColumnReader(schema.fields[0]!, {
    column: "image",
    options: { nulls: "error" },
    place: () => undefined,
  });
  const chunks = [];
  for await (const batch of recordBatches()) chunks.push(reader.read(batch.data.children[0]!));
  assertEquals(reader.finish(chunks).shape, [2, 3, 2]);
  assertEquals(Array.from(chunks[0]!.values), Array.from({ length: 24 }, (_, i) => i));
});

Deno.test("ColumnReader pads and cuts ragged lists to the shape", async () => {
  const split = await types({
    ragged: { shape: [3], pad: -1 },
    list_of_fixed_lists: { shape: [2, 2], pad: 0 },
  });
  assertEquals(valuesOf(split, "ragged"), [1, -1, -1, -1, -1, -1, 1, 2, 3, 5, 6, -1, 7, 8, 9]);
  assertEquals(valuesOf(split, "list_of_fixed_lists").slice(0, 8), [0, 1, 2, 3, 1, 1, 2, 3]);
});

Deno.test("ColumnReader keeps the type of small numbers, and converts to int32 for ids", async () => {
  const split = await types({
    uint8: {},
    ids: { column: "uint8", dtype: "int32" },
    negative: { dtype: "int32" },
    int16: { dtype: "int32" },
    int32: {},
    bool: { dtype: "int32" },
  });
  const arrays = Object.values(split.slice(0, 2).features).map(({ values }) => values.constructor);
  assertEquals(arrays, [Uint8Array, Int32Array, Int32Array, Int32Array, Float64Array, Int32Array]);
  assertEquals(Object.values(split.features).map(({ dtype }) => dtype), [
    "float32",
    "int32",
    "int32",
    "int32",
    "float32",
    "int32",
  ]);
  assertEquals(valuesOf(split, "negative"), expected.negative as number[]);
});

Deno.test("ColumnReader copies nothing if the layout allows it", async () => {
  const dataset = await arrowSource("types.arrow").open();
  const first = await dataset.recordBatch!(0);
  const names = ["uint8", "int16", "float32", "float64", "fixed_list", "nested_fixed_list", "list"];
  const split = await open(memorySource([first]), {
    features: Object.fromEntries(names.map((name) => [name, {}])),
    label,
  });
  // All columns of a record batch are views of the bytes that were read for it.
  const file = first.data.children[0]!.values.buffer;
  const batch = split.slice(1, 3);
  for (const name of names) assert(batch.features[name]!.values.buffer === file, name);
});

Deno.test("ColumnReader refuses nulls by default, naming column and row", async () => {
  const rows = {
    int: 1,
    long: 1,
    float: 1,
    bool: 1,
    string: 1,
    dictionary: 1,
    fixed_list: 1,
    fixed_binary: 1,
    list: 1,
    all: 0,
  };
  for (const [name, row] of Object.entries(rows)) {
    const error = await assertRejects(() => nulls({ [name]: {} }), UserError);
    const count = { float: 2, fixed_list: 2, list: 2, all: 4 }[name] ?? 1;
    assertEquals(
      error.message,
      `row ${row} of nulls.arrow, column ${name}: is null; ${count} of 4 rows ${
        count === 1 ? "has" : "have"
      } a null (rows count from 0)`,
    );
    assertEquals(error.problems[0]!.place, {
      file: "pipeline.yaml",
      path: `data.features.${name}`,
    });
    assertStringIncludes(error.problems[0]!.hint!, "nulls: drop");
  }
});

Deno.test("ColumnReader counts rows over all record batches in messages", async () => {
  const error = await assertRejects(() => nulls({ int: {} }, "nulls_sliced.arrow"), UserError);
  assertStringIncludes(
    error.message,
    "row 0 of nulls_sliced.arrow, column int: is null; 1 of",
  );
  const { schema, recordBatch } = await arrowSource("nulls.arrow").open();
  const batch = await recordBatch!(0);
  assertEquals(schema.fields.length, batch.numCols);
  const later = memorySource([batch.slice(2, 4), batch.slice(0, 1), batch.slice(1, 2)]);
  const options = { features: { int: {} }, label: { column: "row", kind: "number" } };
  assertStringIncludes(
    (await assertRejects(() => open(later, options), UserError)).message,
    "row 3, column int: is null; 1 of 4 rows has a null",
  );
});

Deno.test("ColumnReader drops rows with nulls, also in lists", async () => {
  for (const file of ["nulls.arrow", "nulls_sliced.arrow"]) {
    for (
      const [name, kept] of Object.entries({
        int: [0, 2, 3],
        float: [0, 3],
        string: [0, 2, 3],
        fixed_list: [0, 3],
        fixed_binary: [0, 2, 3],
        list: [0, 3],
      })
    ) {
      const split = await nulls({ [name]: { nulls: "drop" }, row: {} }, file);
      assertEquals(valuesOf(split, "row").sort(), kept, `${name} of ${file}`);
      assertEquals(split.rows, kept.length);
    }
  }
});

Deno.test("ColumnReader fills nulls, also in lists", async () => {
  const split = await nulls({
    int: { nulls: { fill: 9 } },
    long: { nulls: { fill: -1 } },
    float: { nulls: { fill: -0.5 } },
    bool: { nulls: { fill: 1 } },
    fixed_list: { nulls: { fill: 7 } },
    fixed_binary: { nulls: { fill: 32 } },
    list: { nulls: { fill: 7 } },
    ragged: { nulls: { fill: 7 }, shape: [2], pad: 0 },
    all: { nulls: { fill: 3 } },
    string: { nulls: { fill: "none" } },
    dictionary: { nulls: { fill: "a" } },
  });
  const filled = (name: string) => valuesOf(split, name);
  assertEquals(filled("int"), [5, 9, 7, 8]);
  assertEquals(filled("long"), [5, -1, 7, 8]);
  assertEquals(filled("float"), [0.5, -0.5, -0.5, 2]);
  assertEquals(filled("bool"), [1, 1, 0, 1]);
  assertEquals(filled("fixed_list"), [1, 2, 7, 7, 3, 7, 5, 6]);
  assertEquals(filled("fixed_binary"), [97, 98, 32, 32, 99, 100, 101, 102]);
  assertEquals(filled("list"), [1, 2, 7, 7, 3, 7, 5, 6]);
  assertEquals(filled("ragged"), [1, 0, 7, 7, 3, 7, 5, 6]);
  assertEquals(filled("all"), [3, 3, 3, 3]);
  assertEquals(split.features.string!.vocabulary, ["a", "b", "none"]);
  assertEquals(filled("string"), [1, 2, 0, 1]);
  assertEquals(split.features.dictionary!.vocabulary, ["a", "b"]);
  assertEquals(filled("dictionary"), [1, 0, 0, 1]);
});

Deno.test("ColumnReader fills null lists that come before the first list", async () => {
  const type = new List(new Field("item", new Int32(), true));
  const batchOf = (list: (number[] | null)[]) =>
    new Table({
      list: vectorFromArray(list, type),
      y: vectorFromArray(list.map((_, row) => row), new Float32()),
    }).batches[0]!;
  const batches = [batchOf([null, null]), batchOf([[5, 6], null]), batchOf([[6, 8]])];
  const split = await open(memorySource(batches), {
    features: {
      filled: { column: "list", nulls: { fill: 7 } },
      mean: { column: "list", nulls: "mean" },
      ids: { column: "list", ids: { train: true, minCount: 3 }, nulls: { fill: 6 } },
    },
    label: { column: "y", kind: "number" },
  });
  assertEquals(split.features.filled!.shape, [2]);
  assertEquals(valuesOf(split, "filled"), [7, 7, 7, 7, 5, 6, 7, 7, 6, 8]);
  assertEquals(split.features.ids!.vocabulary, ["6"]);
  assertEquals(valuesOf(split, "ids"), [0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
});

Deno.test("ColumnReader widens bytes for a fill or padding value that they cannot represent", async () => {
  const split = await nulls({ int: { nulls: { fill: 0.5 } }, long: { nulls: { fill: 0.5 } } });
  assertEquals(valuesOf(split, "int"), [5, 0.5, 7, 8]);
  assertEquals(valuesOf(split, "long"), [5, 0.5, 7, 8]);
});

Deno.test("ColumnReader does not write into the file's bytes when it fills nulls", async () => {
  const source = arrowSource("nulls.arrow");
  const dataset = await source.open();
  const batch = await dataset.recordBatch!(0);
  const bytes = new Uint8Array(batch.data.children[0]!.values.buffer);
  const before = bytes.slice();
  await open({ open: () => Promise.resolve(dataset) }, {
    features: {
      int: { nulls: { fill: 9 } },
      float: { nulls: { fill: 9 } },
      fixed_list: { nulls: { fill: 9 } },
      fixed_binary: { nulls: { fill: 9 } },
      dictionary: { nulls: { fill: "z" } },
    },
    label: { column: "row", kind: "number" },
  });
  assertEquals(bytes, before);
});

Deno.test("ColumnReader refuses numbers that the nets cannot use, naming column and row", async () => {
  const messages: [Record<string, unknown>, string][] = [
    [{ nan: {} }, "row 1 of broken_numbers.arrow, column nan: has NaN; 1 of"],
    [
      { infinite: {} },
      "row 2 of broken_numbers.arrow, column infinite: has -Infinity; 1 of",
    ],
    [
      { long: {} },
      "row 1 of broken_numbers.arrow, column long: has 9007199254740993, beyond 2⁵³, where doubles cannot represent all whole numbers exactly (rows",
    ],
    [
      { unsigned: {} },
      "row 2 of broken_numbers.arrow, column unsigned: has 18446744073709551615, beyond 2⁵³",
    ],
    [
      { ids: { dtype: "int32" } },
      "row 1 of broken_numbers.arrow, column ids: has 2147483648, which is not an int32 number (rows",
    ],
    [
      { fractions: { dtype: "int32" } },
      "row 2 of broken_numbers.arrow, column fractions: has 2.5, which is not an int32 number (rows",
    ],
  ];
  for (const [features, message] of messages) {
    const error = await assertRejects(() => broken(features), UserError);
    assertStringIncludes(error.message, message);
    assertEquals(error.exitCode, 1);
  }
});

Deno.test("ColumnReader refuses rows of another length, naming the row", async () => {
  const error = await assertRejects(() => types({ ragged: {} }), UserError);
  assertEquals(
    error.message,
    "row 1 of types.arrow, column ragged: has 0 values; expected 1 for the shape [1] (rows count from 0)",
  );
  assertStringIncludes(error.problems[0]!.hint!, "pad: 0");
});

Deno.test("ColumnReader refuses types that are not numbers, and lists the supported ones", async () => {
  for (const name of ["struct", "map", "nothing", "interval"]) {
    const error = await assertRejects(
      () => open(arrowSource("unsupported.arrow"), { features: { [name]: {} }, label: name }),
      UserError,
      `the column ${name} has the type`,
    );
    assertStringIncludes(error.problems[0]!.hint!, "fixed-size lists");
    assertEquals(error.exitCode, 2);
  }
});

Deno.test("ColumnReader refuses options that are not compatible with the column", async () => {
  const messages: [Record<string, unknown>, string, string][] = [
    [{ fixed_list: { shape: [3] } }, "has 4 values per row, but the shape [3] has 3", "shape"],
    [{ string: { dtype: "float32" } }, "holds strings, which become int32 ids", "dtype"],
    [{ fixed_list: { pad: 0, shape: [5] } }, "which cannot be padded", "pad"],
    [{ uint8: { pad: 0, shape: [5] } }, "which cannot be padded", "pad"],
    [{ list_of_lists: { pad: 0, shape: [5] } }, "which cannot be padded", "pad"],
    [{ ragged: { pad: 0 } }, "has `pad` but no `shape`", "pad"],
    [{ string: { nulls: { fill: 0 } } }, "nulls cannot be filled with 0", "nulls"],
    [{ tags: { pad: 0, shape: [2] } }, "cannot be padded with 0", "pad"],
    [{ string: { nulls: "mean" } }, "holds text, which has no mean", "nulls"],
    [{ uint8: { nulls: "median", dtype: "int32" } }, "holds ids, which have no median", "nulls"],
    [{ ragged: { nulls: "mean", shape: [2], pad: 0 } }, "has padded lists", "nulls"],
    [{ uint8: { nulls: { fill: "a" } } }, 'nulls cannot be filled with "a"', "nulls"],
    [
      { uint8: { dtype: "int32", nulls: { fill: 0.5 } } },
      "has 0.5; expected an int32 number",
      "nulls",
    ],
  ];
  for (const [features, message, option] of messages) {
    const error = await assertRejects(() => types(features), UserError, message);
    const [name] = Object.keys(features);
    assertEquals(error.problems[0]!.place?.path, `data.features.${name}.${option}`);
  }
});

Deno.test("ColumnReader uses the dictionary of each batch of a stream", async () => {
  for (const file of ["dictionary_replaced.arrows", "dictionary_delta.arrow"]) {
    const split = await open(arrowSource(file), { features: { city: {} }, label: "city" });
    const { vocabulary } = split.features.city!;
    assertEquals(vocabulary, ["Bonn", "Oslo", "Rome"]);
    assertEquals(
      valuesOf(split, "city").map((id) => vocabulary![id]),
      file.endsWith("s")
        ? ["Rome", "Bonn", "Oslo", "Rome"]
        : ["Rome", "Bonn", "Rome", "Bonn", "Oslo"],
    );
  }
});

Deno.test("ColumnReader reads columns that apache-arrow creates", async () => {
  const table = tableFromArrays({ x: [0.5, null, 2], y: ["a", "b", "a"] });
  const split = await open(memorySource(table), {
    features: { x: { nulls: { fill: 1 } } },
    label: "y",
  });
  assertEquals(valuesOf(split, "x"), [0.5, 1, 2]);
  assertEquals(split.label.vocabulary, ["a", "b"]);
});
