import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  Bool,
  type DataType,
  Dictionary,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float32,
  Int64,
  Int8,
  List,
  Table,
  Uint8,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import { prepareData, type PreparedData } from "../../src/input/prepare_data.ts";
import type { StoredSplit } from "../../src/input/split.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import { labelParts, labelValues } from "../../src/stages/labels.ts";
import { memorySource, open } from "../support/arrow.ts";
import { writeParquet } from "../support/formats.ts";
import { digitsPipeline, withPipeline } from "../support/pipelines.ts";

/** Record batches of the column `y`. */
const batchesOf = (type: DataType, ...batches: unknown[][]) =>
  batches.flatMap((values) => new Table({ y: vectorFromArray(values, type) }).batches);

function labelled(
  type: DataType,
  batches: unknown[][],
  options: Record<string, unknown> = {},
  like?: StoredSplit,
): Promise<StoredSplit> {
  const label = { column: "y", kind: "multi-label", ...options };
  return open(memorySource(batchesOf(type, ...batches)), { label }, like);
}

const rowsOf = (split: StoredSplit) => {
  const { values, shape } = split.slice(0, split.rows).label;
  return Array.from(
    { length: split.rows },
    (_, row) => [...values.subarray(row * shape[0]!, (row + 1) * shape[0]!)],
  );
};

const listOf = (type: DataType) => new List(new Field("item", type, true));
const fixed = (type: DataType, size: number) => new FixedSizeList(size, new Field("item", type));

Deno.test("a multi-label label of names has a class for each name, in their order", async () => {
  // `a` is only found in the second record batch.
  const lists = [[["c"], [], ["b", "c", "b"]], [["a"], ["c", "a"]]];
  const expected = [[0, 0, 1], [0, 0, 0], [0, 1, 1], [1, 0, 0], [1, 0, 1]];
  const texts = [listOf(new Utf8()), listOf(new Dictionary(new Utf8(), new Int8()))];
  for (const type of texts) {
    const split = await labelled(type, lists);
    const { shape, dtype, vocabulary, kind, classes } = split.label;
    assertEquals(
      { shape, dtype, vocabulary, kind, classes },
      {
        shape: [3],
        dtype: "float32",
        vocabulary: ["a", "b", "c"],
        kind: "multi-label",
        classes: 3,
      },
    );
    assertEquals(rowsOf(split), expected);
    const other = await labelled(type, [[["b"]], [[]]], {}, split);
    assertEquals([rowsOf(other), other.label], [[[0, 1, 0], [0, 0, 0]], split.label]);
  }
  const listed = await labelled(texts[0]!, lists, { classes: ["c", "b", "a", "z"] });
  assertEquals(rowsOf(listed)[2], [1, 1, 0, 0]);
  assertEquals(listed.label.vocabulary, ["c", "b", "a", "z"]);
});

Deno.test("a multi-label label of numbers has 0 or 1 for each class, in lists of any type", async () => {
  const lists = [[[0, 1, 0], [1, 1, 1]], [[0, 0, 0]]],
    bools = [[[false, true, false]], [[true, true, true], [false, false, false]]];
  for (
    const [type, batches] of [
      [listOf(new Uint8()), lists],
      [listOf(new Float32()), lists],
      [fixed(new Float32(), 3), lists],
      [fixed(new Uint8(), 3), lists],
      [listOf(new Int64()), lists.map((rows) => rows.map((row) => row.map(BigInt)))],
      [listOf(new Bool()), bools],
      [fixed(new Bool(), 3), bools],
    ] as const
  ) {
    const split = await labelled(type, batches as unknown[][]);
    assertEquals(rowsOf(split), [[0, 1, 0], [1, 1, 1], [0, 0, 0]], String(type));
    assertEquals([split.label.vocabulary, split.label.classes], [undefined, 3]);
    const named = await labelled(type, batches as unknown[][], { classes: ["x", "y", "z"] });
    assertEquals(named.label.vocabulary, ["x", "y", "z"]);
  }
});

Deno.test("a null in a multi-label label drops the row, or means that it has no classes", async () => {
  const broken = [[["b"], null], [["c", null], ["a", "b"]]];
  const type = listOf(new Utf8());
  const dropped = await labelled(type, broken, { nulls: "drop" });
  // The name in the list with a null is no class.
  assertEquals(dropped.label.vocabulary, ["a", "b"]);
  assertEquals(rowsOf(dropped), [[0, 1], [1, 1]]);
  assertEquals([0, 1].map((row) => dropped.sourceRow(row)), [0, 3]);
  const filled = await labelled(type, broken, { nulls: { fill: [] } });
  assertEquals(rowsOf(filled), [[0, 1], [0, 0], [0, 0], [1, 1]]);
  const error = await assertRejects(() => labelled(type, broken), UserError);
  assertStringIncludes(error.message, "row 1, column y: is null");
  assertStringIncludes(error.message, "2 of 4 rows have a null");

  const numbers = [[null, [0, 1]], [[1, NaN], [1, 0]]], floats = listOf(new Float32());
  const options = { nulls: "drop", nan: "missing" };
  assertEquals(rowsOf(await labelled(floats, numbers, options)), [[0, 1], [1, 0]]);
  // A NaN counts as a null, so that the row has no classes.
  const none = { nulls: { fill: [] }, nan: "missing" };
  assertEquals(rowsOf(await labelled(floats, numbers, none)), [[0, 0], [0, 1], [0, 0], [1, 0]]);
  // A fixed-size list that is null has values nevertheless.
  const own = [[null, [0, 1]]];
  assertEquals(
    rowsOf(await labelled(fixed(new Uint8(), 2), own, { nulls: "drop" })),
    [[0, 1]],
  );
  // The nulls of fixed-size binary values are rows, not bytes.
  const bytes = [[0, 1], [1, 1], [1, 0]].map((row) => Uint8Array.from(row));
  const binary = await labelled(new FixedSizeBinary(2), [[bytes[0], null, ...bytes.slice(1)]], {
    nulls: "drop",
  });
  assertEquals(rowsOf(binary), [[0, 1], [1, 1], [1, 0]]);
  const nan = await assertRejects(() => labelled(floats, [[[1, NaN]]]), UserError);
  assertStringIncludes(nan.message, "row 0, column y: has NaN; expected 0 or 1");
});

Deno.test("errors of a multi-label label name the row, counted over all record batches", async () => {
  const cases: [DataType, unknown[][], Record<string, unknown>, string][] = [
    [listOf(new Uint8()), [[[0, 1]], [[1, 0], [1, 2]]], {}, "row 2, column y: has 2; expected 0"],
    [listOf(new Uint8()), [[[0, 1]], [[1, 0, 1]]], {}, "row 1, column y: has 3 values; expected 2"],
    [
      listOf(new Utf8()),
      [[["a"]], [["b"], ["c"]]],
      { classes: ["a", "b"] },
      'row 2, column y: the label "c" is not a class',
    ],
  ];
  for (const [type, batches, options, message] of cases) {
    const error = await assertRejects(() => labelled(type, batches, options), UserError);
    assertStringIncludes(error.message, message);
  }
});

/** CSV with lists of names, which are empty in some rows. */
const csv = [
  "x,y,tags,click",
  ...Array.from({ length: 400 }, (_, row) => {
    const tags = ["news", "art", "tech"].filter((_, id) => (row * 7 + id * 5) % 4 === 0);
    return [Math.sin(row), Math.cos(row), tags.join("|"), row % 2].join();
  }),
].join("\n");

Deno.test("a multi-label label is the same from CSV, SQL, and Parquet, in memory and streamed", async () => {
  await withPipeline({}, async (_file, folder) => {
    await Deno.writeTextFile(join(folder, "rows.csv"), csv);
    const label = { column: "tags", kind: "multi-label", nulls: { fill: [] } };
    const lists = { tags: { separator: "|", type: "string" } };
    const read = async (source: object, data: object) => {
      const written = digitsPipeline({
        data: { train: source, test: source, features: ["x", "y"], ...data },
        network: { use: "mlp", light: [4] },
        losses: [{
          use: "binary-cross-entropy",
          on: "light",
          ..."labels" in data && { label: "tags" },
        }],
        metrics: [],
        train: { epochs: 1, batch: 8 },
      });
      const prepared = await prepareData(await readPlan(written as unknown as Pipeline));
      try {
        return await valuesOf(prepared);
      } finally {
        await prepared.close();
      }
    };
    const valuesOf = async ({ splits: { train } }: PreparedData) => {
      const { label } = await train.slice(0, train.rows);
      const part = labelParts(train.label).find(({ name }) => name === "tags");
      return {
        classes: (part?.spec ?? train.label).vocabulary,
        rows: Array.from({ length: train.rows }, (_, row) => [...labelValues(label, row, part)]),
      };
    };
    const source = { use: "csv", path: join(folder, "rows.csv"), columns: lists, batchRows: 37 };
    const all = await read(source, { label });
    assertEquals(all.classes, ["art", "news", "tech"]);
    assertEquals(
      all.rows,
      Array.from(
        { length: 400 },
        (_, row) => [1, 0, 2].map((id) => Number((row * 7 + id * 5) % 4 === 0)),
      ),
    );
    assert(all.rows.some((row) => !row.includes(1)));
    assertEquals(await read(source, { label, memory: "10kB" }), all);
    const labels = { click: { column: "click", kind: "binary" }, tags: label };
    assertEquals(await read(source, { labels }), all);
    assertEquals(await read(source, { labels, memory: "10kB" }), all);
    const sql = {
      use: "sql",
      tables: { t: join(folder, "rows.csv") },
      query: "SELECT x, y, click, string_split(tags, '|') AS tags FROM t",
    };
    assertEquals(await read(sql, { label }), all);
    const parquet = { use: "parquet", path: join(folder, "rows.parquet") };
    await writeParquet(
      `SELECT x, y, string_split(tags, '|') AS tags FROM '${join(folder, "rows.csv")}'`,
      parquet.path,
    );
    assertEquals(await read(parquet, { label }), all);
  });
});
