import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Bool,
  type DataType,
  DateDay,
  Dictionary,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float32,
  Float64,
  Int32,
  Int64,
  LargeUtf8,
  List,
  Null,
  type RecordBatch,
  Schema,
  Struct,
  Table,
  Uint64,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import fc from "fast-check";
import { UserError } from "../../src/base/errors.ts";
import { selectSplits, type SplitName } from "../../src/input/split_rows.ts";
import { takeRows } from "../../src/input/take_rows.ts";
import type { SplitOptions } from "../../src/pipeline/data_options.ts";
import type { Dataset } from "../../src/stages/source.ts";

/** Rows of one column as a source gives them, in record batches of the sizes. */
function source(vector: Vector, sizes: readonly number[]): Dataset {
  const schema = new Schema([new Field("by", vector.type, true)]);
  const { batches } = new Table(schema, { by: vector });
  const cut: RecordBatch[] = [];
  for (let start = 0, turn = 0; start < vector.length; turn++) {
    const end = Math.min(vector.length, start + sizes[turn % sizes.length]!);
    cut.push(batches[0]!.slice(start, end));
    start = end;
  }
  return {
    schema,
    fingerprint: "rows",
    async *recordBatches() {
      yield* await Promise.resolve(cut);
    },
  };
}

async function rowsOf(
  dataset: Dataset,
  split: SplitOptions,
  seed = 1,
): Promise<Partial<Record<SplitName, number[]>>> {
  const stage = { kind: "source", name: "rows", place: { file: "p.yaml" } } as const;
  const place = (...option: readonly string[]) => ({ file: option.join(".") });
  const selections = await selectSplits({ dataset, stage, split, seed, place });
  return Object.fromEntries([...selections].map(([name, { rows }]) => [name, [...rows]]));
}

const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 4 });

const configurations = fc.record({
  rows: fc.integer({ min: 12, max: 300 }),
  test: fc.double({ min: 0.1, max: 0.45, noNaN: true }),
  validation: fc.option(fc.double({ min: 0.1, max: 0.45, noNaN: true }), { nil: undefined }),
  by: fc.constantFrom("random", "time", "group", "stratify"),
  /** The values: a few, so that groups and moments have several rows. */
  values: fc.integer({ min: 4, max: 40 }),
  seed: fc.nat({ max: 1000 }),
  sizes,
  others: sizes,
});

Deno.test("a source is divided without losing or repeating a row, whatever its record batches", async () => {
  await fc.assert(
    fc.asyncProperty(configurations, async (chosen) => {
      const { rows, test, validation, by: kind, values, seed } = chosen;
      // Any value occurs at least twice, as strata must.
      const column = Array.from(
        { length: rows },
        (_, row) => Math.floor(row / 2) % Math.min(values, rows >> 1) * 7919 % values,
      );
      const vector = vectorFromArray(column, new Int32());
      const by = kind === "random" ? kind : { [kind]: "by" } as SplitOptions["by"];
      const split = { test, by, ...(validation !== undefined && { validation }) };
      let found: Partial<Record<SplitName, number[]>>;
      try {
        found = await rowsOf(source(vector, chosen.sizes), split, seed);
      } catch (error) {
        // Few rows of many values leave none of some value to train on.
        assert(error instanceof UserError && kind === "stratify", String(error));
        return;
      }
      assertEquals(await rowsOf(source(vector, chosen.others), split, seed), found);
      const all = Object.values(found).flat();
      assertEquals(all.length, rows);
      assertEquals(new Set(all).size, rows);
      for (const of of Object.values(found)) assertEquals(of.toSorted((a, b) => a - b), of);
      assertEquals(Object.keys(found), [
        "train",
        ...(validation === undefined ? [] : ["validation"]),
        "test",
      ]);
      const valuesIn = (name: SplitName) => (found[name] ?? []).map((row) => column[row]!);
      if (kind === "group") {
        const groups = (["train", "validation", "test"] as const).map((name) => valuesIn(name));
        const distinct = groups.map((values) => new Set(values).size);
        assertEquals(distinct[0]! + distinct[1]! + distinct[2]!, new Set(column).size);
        // A group more or less makes the difference, or there would be no group left.
        const largest = Math.max(
          ...new Set(column).values().map((value) =>
            column.filter((other) => other === value).length
          ),
        );
        assert(Math.abs(found.test!.length - rows * test) <= largest, JSON.stringify(found));
        return;
      }
      const counts = [found.test!.length, (found.validation ?? []).length];
      assertEquals(counts, [Math.round(rows * test), Math.round(rows * (validation ?? 0))]);
      if (kind === "time") {
        const latest = (name: SplitName) => Math.max(...valuesIn(name));
        const first = Math.min(...valuesIn("test"));
        assert(latest("train") <= first);
        if (found.validation) {
          assert(latest("train") <= Math.min(...valuesIn("validation")));
          assert(latest("validation") <= first);
        }
      }
      if (kind === "stratify") {
        for (const value of new Set(column)) {
          const all = column.filter((other) => other === value).length;
          const here = valuesIn("test").filter((other) => other === value).length;
          // The share of the whole split, up to a row of rounding and the row that stays.
          assert(Math.abs(here - all * counts[0]! / rows) <= 1.0001, `${here} of ${all}`);
          assert(valuesIn("train").includes(value));
        }
      }
    }),
    { numRuns: 100 },
  );
});

Deno.test("a split by chance takes each row as often as any other", async () => {
  const dataset = source(vectorFromArray([...Array(10).keys()], new Int32()), [10]);
  const times = new Uint32Array(10);
  for (let seed = 0; seed < 2000; seed++) {
    const { test } = await rowsOf(dataset, { test: 0.3, by: "random" }, seed);
    for (const row of test!) times[row]! += 1;
  }
  // Of 2000 draws of 3 in 10, each row should come up 600 times, with a deviation of 20.5.
  assert(times.every((count) => Math.abs(count - 600) < 82), `${times}`);
});

Deno.test("the test rows do not change with the validation fraction, and the split has a seed of its own", async () => {
  const dataset = source(vectorFromArray([...Array(50).keys()], new Int32()), [8]);
  const { test } = await rowsOf(dataset, { test: 0.2, by: "random" }, 3);
  const both = await rowsOf(dataset, { test: 0.2, validation: 0.3, by: "random" }, 3);
  assertEquals(both.test, test);
  const own = { test: 0.2, by: "random", seed: 3 } as const;
  assertEquals((await rowsOf(dataset, own, 8)).test, test);
  assert((await rowsOf(dataset, { test: 0.2, by: "random" }, 8)).test!.join() !== test!.join());
});

Deno.test("a split by time compares moments exactly, and keeps rows of one moment in their order", async () => {
  const by = { time: "by" }, split = { test: 0.5, by };
  // As doubles, these numbers would be equal.
  const start = 2n ** 60n, close = [start + 3n, start + 1n, start + 2n, start];
  for (const type of [new Int64(), new Uint64()]) {
    const exact = vectorFromArray(close, type);
    assertEquals((await rowsOf(source(exact, [3]), split)).test, [0, 2]);
  }
  const days = vectorFromArray(
    ["2026-03-01", "1969-01-02", "2026-03-01", "2026-01-01"].map((day) => new Date(day)),
    new DateDay(),
  );
  assertEquals((await rowsOf(source(days, [4]), { test: 0.25, by })).test, [2]);
  const halves = vectorFromArray([0.5, -0.5, -0, 0], new Float64());
  assertEquals(
    await rowsOf(source(halves, [1]), { test: 0.25, validation: 0.25, by }),
    { train: [1, 2], validation: [3], test: [0] },
  );
});

Deno.test("a split refuses what leaves a split without rows, and columns that cannot decide", async () => {
  const dataset = (values: readonly unknown[], type: DataType = new Int32()) =>
    source(vectorFromArray(values as never, type), [2]);
  const refused = async (dataset: Dataset, split: SplitOptions) => {
    const error = await assertRejects(() => rowsOf(dataset, split), UserError);
    const [{ message, place }] = error.problems as [UserError["problems"][number]];
    return [message, place!.file];
  };
  const texts = new Utf8();
  assertEquals(await refused(dataset([1, 2, 3]), { test: 0.1, by: "random" }), [
    "the test split would have no rows: data.split.test is 0.1, and there are 3 rows",
    "test",
  ]);
  assertEquals(await refused(dataset([1]), { test: 0.6, by: "random" }), [
    "the train split would have no rows: the other splits take all rows of the source (1)",
    "",
  ]);
  assertEquals(await refused(dataset(["a", "b", "a"], texts), { test: 0.3, by: { group: "bi" } }), [
    'the data has no column "bi"',
    "by.group",
  ]);
  for (const name of ["time", "group"] as const) {
    const by = { [name]: "by" } as unknown as SplitOptions["by"];
    assertEquals(await refused(dataset([1, null, 2, null]), { test: 0.3, by }), [
      "row 1, column by: the value is null, but the column decides the split of a row; 2 rows have no value (rows count from 0)",
      `by.${name}`,
    ]);
    const floats = dataset([1, NaN, 2, 3], new Float32());
    assertEquals((await refused(floats, { test: 0.3, by }))[1], `by.${name}`);
    const lists = dataset([[1], [2]], new List(new Field("item", new Int32())));
    assertEquals((await refused(lists, { test: 0.3, by }))[1], `by.${name}`);
  }
  assertEquals(await refused(dataset(["b", "a"], texts), { test: 0.5, by: { time: "by" } }), [
    "the column by has the type Utf8, whose values have no order in time",
    "by.time",
  ]);
  assertEquals(await refused(dataset([1, 1, 1, 1]), { test: 0.5, by: { group: "by" } }), [
    "the column by has 1 different value, but a split into 2 parts needs at least 2 groups",
    "by.group",
  ]);
  const single = dataset(["a", "b", "a", "a"], texts);
  assertEquals(await refused(single, { test: 0.5, by: { stratify: "by" } }), [
    'the value "b" of the column by is in one row only, which cannot be in more than one split',
    "by.stratify",
  ]);
});

Deno.test("takeRows() copies values of each type, with nulls and from slices", () => {
  const texts = ["a", null, "", "ä€😀", "long enough to be no inline text", "z", null, "q"];
  const columns: Record<string, Vector> = {
    bool: vectorFromArray([true, null, false, true, true, null, false, true], new Bool()),
    float: vectorFromArray([1.5, null, 3, 4, NaN, 6, -0, 8], new Float32()),
    whole: vectorFromArray([1n, null, 3n, 2n ** 60n, 5n, 6n, 7n, 8n], new Int64()),
    text: vectorFromArray(texts, new Utf8()),
    large: vectorFromArray(texts, new LargeUtf8()),
    word: vectorFromArray(texts, new Dictionary(new Utf8(), new Int32())),
    nothing: vectorFromArray(Array(8).fill(null), new Null()),
    list: vectorFromArray(
      [[1, null], [], null, [3], [4, 5, 6], null, [], [9]],
      new List(new Field("item", new Int32(), true)),
    ),
    words: vectorFromArray(
      [["a", "bb"], [], null, [null], ["c"], ["d"], null, []],
      new List(new Field("item", new Utf8(), true)),
    ),
    pair: vectorFromArray(
      [[1, 2], null, [3, 4], [5, 6], [7, 8], null, [9, 10], [11, 12]],
      new FixedSizeList(2, new Field("item", new Int32(), true)),
    ),
    bytes: vectorFromArray(
      Array.from({ length: 8 }, (_, row) => Uint8Array.of(row, row + 1, row + 2)),
      new FixedSizeBinary(3),
    ),
    struct: vectorFromArray(
      [{ x: 1 }, { x: null }, null, { x: 4 }, { x: 5 }, { x: 6 }, { x: 7 }, { x: 8 }],
      new Struct([new Field("x", new Int32(), true)]),
    ),
  };
  const [whole] = new Table(columns).batches;
  const textOf = (row: unknown) =>
    JSON.stringify(row, (_, value) => typeof value === "bigint" ? `${value}n` : value);
  for (const [from, to] of [[0, 8], [3, 8], [1, 7]] as const) {
    const batch = whole!.slice(from, to);
    for (const rows of [[0, 2, 3], [1], [], [4, 0, 0, 3]]) {
      const taken = takeRows(batch, rows);
      assertEquals(taken.numRows, rows.length);
      for (const name of Object.keys(columns)) {
        const column = batch.getChild(name)!, copy = taken.getChild(name)!;
        assertEquals(
          rows.map((_, index) => textOf(copy.get(index))),
          rows.map((row) => textOf(column.get(row))),
          `${name} of ${from} to ${to}`,
        );
        const nulls = rows.filter((row) => !column.isValid(row)).length;
        if (name !== "nothing") assertEquals(copy.nullCount, nulls, name);
      }
    }
  }
});
