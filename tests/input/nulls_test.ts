import { assertAlmostEquals, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float64,
  Int32,
  Table,
  tableFromArrays,
  vectorFromArray,
} from "apache-arrow";
import fc from "fast-check";
import { join } from "node:path";
import { ArrowFileWriter } from "../../src/base/files/arrow_writer.ts";
import {
  type FeatureOptions,
  featureSchema,
  labelSchema,
  type NullPolicy,
} from "../../src/pipeline/data_options.ts";
import { UserError } from "../../src/base/errors.ts";
import type { Source } from "../../src/stages/source.ts";
import { NullFiller } from "../../src/input/nulls.ts";
import type { Rows } from "../../src/input/rows.ts";
import { openSplit, type Split } from "../../src/input/split.ts";
import { TransformChain } from "../../src/input/transforms.ts";
import { arrowSource, memorySource, open, sourceReference, valuesOf } from "../support/arrow.ts";
import { inFolder } from "../support/command_line.ts";

/** What of numbers with nulls among them is measured, by another way than the code has. */
function measuredBySorting(values: readonly (number | null)[]): { mean: number; median: number } {
  const there = values.filter((value) => value !== null).sort((a, b) => a - b);
  const middle = there.length >> 1;
  return {
    // In quarters, sums are exact.
    mean: there.reduce((sum, value) => sum + value, 0) / there.length,
    median: there.length % 2 === 1 ? there[middle]! : (there[middle - 1]! + there[middle]!) / 2,
  };
}

/** Measures the features of some rows. */
async function measured(rows: Rows) {
  const filler = new NullFiller(rows.features);
  const fills = await filler.measure(async function* () {
    for (let start = 0; start < rows.rows; start += 3) {
      yield await rows.slice(start, Math.min(start + 3, rows.rows));
    }
  });
  return { filler, fills };
}

const column = (x: readonly (number | null)[]) =>
  memorySource(
    new Table({
      x: vectorFromArray(x, new Float64()),
      y: vectorFromArray(x.map((_, row) => row % 2), new Int32()),
    }),
  );

Deno.test("nulls become the mean or the median of the other values", async () => {
  const quarters = fc.integer({ min: -(2 ** 20), max: 2 ** 20 }).map((value) => value / 4);
  const values = fc.array(fc.option(quarters, { freq: 3 }), { minLength: 1, maxLength: 40 })
    .filter((values) => values.some((value) => value !== null));
  await fc.assert(
    fc.asyncProperty(values, async (x) => {
      const split = await open(column(x), {
        features: {
          mean: { column: "x", nulls: "mean" },
          median: { column: "x", nulls: "median" },
        },
        label: { column: "y", classes: 2 },
      });
      assertEquals(split.features.mean!.missing, "mean");
      const { filler, fills } = await measured(split);
      const expected = measuredBySorting(x);
      assertEquals(fills, { mean: [expected.mean], median: [expected.median] });
      const filled = filler.apply(split.slice(0, split.rows)).features;
      for (const name of ["mean", "median"] as const) {
        assertEquals([...filled[name]!.values], x.map((value) => value ?? expected[name]));
        assertEquals(filler.features[name], { shape: [], dtype: "float32" });
      }
    }),
    { numRuns: 40 },
  );
});

Deno.test("means and medians are exact even if plain sums lose small numbers", async () => {
  // The sum of these is exact only where what it loses on the way is kept.
  const x = [1e16, 1, -1e16, null, 0.1, -0, 5e-324, -3.5, null, 7, 7];
  const split = await open(column(x), {
    features: { mean: { column: "x", nulls: "mean" }, median: { column: "x", nulls: "median" } },
    label: { column: "y", classes: 2 },
  });
  const { fills } = await measured(split);
  assertAlmostEquals(fills.mean![0]!, NUMPY.mean, 1e-15);
  assertEquals(fills.median, [NUMPY.median]);
});

/** `math.fsum(v) / len(v)` and `numpy.median(v)` of the values above. */
const NUMPY = { mean: 1.2888888888888888, median: 0.1 };

Deno.test("each position of a list has its own mean and median", async () => {
  const list = new FixedSizeList(2, new Field("item", new Float64(), true));
  const table = new Table({
    x: vectorFromArray([[1, null], [3, 10], null, [8, 20]], list),
    y: vectorFromArray([0, 1, 0, 1], new Int32()),
  });
  for (const [nulls, fills] of [["mean", [4, 15]], ["median", [3, 15]]] as const) {
    const split = await open(memorySource(table), { features: { x: { nulls } }, label: "y" });
    const { filler, fills: found } = await measured(split);
    assertEquals(found, { x: fills });
    assertEquals(
      [...filler.apply(split.slice(0, 4)).features.x!.values],
      [1, fills[1], 3, 10, ...fills, 8, 20],
    );
  }
});

Deno.test("NaN is handled like null with nan: missing", async () => {
  const source = memorySource(tableFromArrays({
    x: Float32Array.of(1, NaN, 4, 6),
    y: Int32Array.of(0, 1, 0, 1),
  }));
  const read = async (options: Record<string, unknown>) => {
    const split = await open(source, {
      features: { x: { nan: "missing", ...options } },
      label: "y",
    });
    const { filler } = await measured(split);
    return [...filler.apply(split.slice(0, split.rows)).features.x!.values];
  };
  assertEquals(await read({ nulls: "drop" }), [1, 4, 6]);
  assertEquals(await read({ nulls: { fill: -1 } }), [1, -1, 4, 6]);
  assertEquals(await read({ nulls: "median" }), [1, 4, 4, 6]);
  const error = await assertRejects(() => read({}), UserError);
  assertStringIncludes(error.message, "row 1, column x: is null; 1 of 4 rows has a null");
});

Deno.test("data.nulls applies to the features that it suits, and drop to all columns", async () => {
  const table = new Table({
    x: vectorFromArray([1, null, 5, 9], new Float64()),
    word: vectorFromArray(["a", "b", "a", "b"]),
    user: vectorFromArray([7, 7, null, 8], new Int32()),
    y: vectorFromArray([0, 1, 0, 1], new Int32()),
  });
  const read = (nulls: NullPolicy, features: Record<string, unknown>, columns: string[] = []) =>
    open(memorySource(table), { nulls, features, label: "y", columns });
  const split = await read("mean", { x: {}, word: {}, own: { column: "x", nulls: { fill: 0 } } });
  assertEquals((await measured(split)).fills, { x: [5] });
  assertEquals([...split.slice(0, 4).features.own!.values], [1, 0, 5, 9]);
  assertEquals((await read("drop", { x: {} }, ["user"])).rows, 2);
  const error = await assertRejects(() => read("mean", { x: {} }, ["user"]), UserError);
  assertStringIncludes(error.message, "row 2, column user: is null");
  assertEquals(error.problems[0]!.hint, "drop such rows: write `nulls: drop` in data");
});

Deno.test("nulls of all columns are refused together, with the number of rows", async () => {
  const table = new Table({
    a: vectorFromArray([1, null, null, 4], new Float64()),
    b: vectorFromArray(["x", "y", "x", null]),
    c: vectorFromArray([1, NaN, 3, Infinity], new Float64()),
    y: vectorFromArray([0, null, 0, 1], new Int32()),
  });
  const error = await assertRejects(
    () => open(memorySource(table), { features: { a: {}, b: {}, c: {} }, label: "y" }),
    UserError,
  );
  assertEquals(error.problems.map(({ message, place }) => [message, place?.path]), [
    [
      "row 1, column a: is null; 2 of 4 rows have a null (rows count from 0)",
      "data.features.a",
    ],
    ["row 3, column b: is null; 1 of 4 rows has a null (rows count from 0)", "data.features.b"],
    [
      "row 1, column c: has NaN; 2 of 4 rows have a number that is not finite (rows count from 0)",
      "data.features.c",
    ],
    ["row 1, column y: is null; 1 of 4 rows has a null (rows count from 0)", "data.label"],
  ]);
});

Deno.test("a mean of nulls only is refused", async () => {
  for (const nulls of ["mean", "median"]) {
    const split = await open(column([null, null]), {
      features: { x: { nulls } },
      label: { column: "y", classes: 2 },
    });
    await assertRejects(
      () => measured(split),
      UserError,
      `the feature x is null in all training rows, so it has no ${nulls}`,
    );
  }
});

/** The same source without what makes single rows readable, or record batches too. */
function limited(source: Source, only: "record batches" | "order"): Source {
  return {
    async open(request) {
      const { rows: _, recordBatch, rowCounts, ...rest } = await source.open(request);
      return only === "order" ? rest : { ...rest, rowCounts, recordBatch: recordBatch! };
    },
  };
}

Deno.test("means and medians of the training rows are the same in memory and streamed", () =>
  inFolder(async (folder) => {
    const path = join(folder, "rows.arrow");
    const count = 4000;
    const x = Array.from(
      { length: count },
      (_, row) => row % 7 === 3 ? null : Math.sin(row * row) * 10 ** (row % 9),
    );
    const [batch] = new Table({
      x: vectorFromArray(x, new Float64()),
      y: vectorFromArray(x.map((_, row) => row % 2), new Int32()),
    }).batches;
    const writer = new ArrowFileWriter(path, batch!.schema);
    for (let row = 0; row < count; row += 100) writer.write(batch!.slice(row, row + 100));
    writer.finish();
    const features = {
      mean: featureSchema.parse({ column: "x", nulls: "mean" }),
      median: featureSchema.parse({ column: "x", nulls: "median" }),
    };
    const kept = Uint32Array.from({ length: count / 2 }, (_, row) => 2 * row);
    const read = async (
      source: Source,
      memory?: { bytes: number; window: number; left: number },
    ) => {
      const whole: Split = await openSplit(source, {
        features,
        label: labelSchema.parse("y"),
        nulls: undefined,
        texts: {},
        teachers: {},
        weight: undefined,
        columns: [],
        stage: sourceReference,
        places: undefined,
      }, { name: "train", ...(memory && { memory }) });
      const split = whole.subset(kept);
      const chain = TransformChain.of([], split.features);
      const { nulls } = await chain.measure(split);
      const slice = await whole.slice(990, 1010);
      const at = { seed: 1, epoch: 0, batch: 0, training: false };
      const filled = chain.apply(slice, at).features;
      await whole.close();
      return { nulls, filled, specs: chain.features };
    };
    const inMemory = await read(arrowSource(path));
    const there = x.filter((value, row) => value !== null && row % 2 === 0) as number[];
    const sorted = there.toSorted((a, b) => a - b), middle = sorted.length >> 1;
    assertEquals(
      inMemory.nulls.median,
      [sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2],
    );
    const mean = there.reduce((sum, value) => sum + value, 0) / there.length;
    assertAlmostEquals(inMemory.nulls.mean![0]! / mean, 1, 1e-9);
    for (const only of ["record batches", "order"] as const) {
      const memory = { bytes: 1, window: 2000, left: 0 };
      assertEquals(await read(limited(arrowSource(path), only), memory), inMemory);
    }
  }));

Deno.test("ids of the bytes of fixed-size binary values are right after a null", async () => {
  const values = [[1, 2], null, [3, 1], [2, 3]].map((row) => row && Uint8Array.from(row));
  const source = memorySource(
    new Table({
      x: vectorFromArray(values, new FixedSizeBinary(2)),
      y: vectorFromArray([0, 1, 0, 1], new Int32()),
    }),
  );
  for (const ids of [{ count: 4 }, ["1", "2", "3"]]) {
    const rows = await open(source, {
      features: { x: { ids, nulls: "drop" } as Partial<FeatureOptions> },
      label: "y",
    });
    const first = Array.isArray(ids) ? 1 : 0;
    assertEquals(
      valuesOf(rows, "x").map((id) => id + first),
      [1, 2, 3, 1, 2, 3],
    );
  }
});
