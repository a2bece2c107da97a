import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import type { Batch, ColumnSpec, Values } from "../../../src/stages/batch.ts";
import type { Transform } from "../../../src/stages/transform.ts";
import { UserError } from "../../../plugin.ts";
import { createRandom } from "../../../src/base/random.ts";
import normalize from "../../../plugins/transforms/normalize.ts";
import { checkStage } from "../../../testing.ts";
import {
  appliedByRows,
  assertRefused,
  batchOf,
  floats,
  ids,
  issuesOf,
  make,
  rowsOf,
  valuesOf,
} from "./support.ts";

/** What was measured of a feature. */
type Measured = Readonly<Record<string, { readonly mean: number[]; readonly std: number[] }>>;

/** Measures on the rows of a feature `x`, some rows at a time, and takes it over. */
async function measured(
  transform: Transform,
  spec: ColumnSpec,
  values: Values,
  rowsAtOnce = Infinity,
): Promise<{ mean: number[]; std: number[] }> {
  const size = values.length / spec.shape.reduce((product, length) => product * length, 1);
  const whole = batchOf(size, { x: { values, shape: spec.shape } });
  const result = await transform.measure!(batches(whole, Math.min(rowsAtOnce, size))) as Measured;
  transform.restore!(JSON.parse(JSON.stringify(result)));
  return result.x!;
}

async function* batches(whole: Batch, size: number): AsyncGenerator<Batch> {
  for (let start = 0; start < whole.size; start += size) {
    yield await Promise.resolve(rowsOf(whole, start, Math.min(whole.size, start + size)));
  }
}

Deno.test("normalize fulfills the contract of a transform, with given and with measured statistics", async () => {
  await checkStage(normalize, { options: { mean: 100, std: [50] } });
  for (const per of ["channel", "value", "all"]) await checkStage(normalize, { options: { per } });
});

Deno.test("normalize subtracts the mean and divides by the deviation of each channel", () => {
  const options = { mean: [1, 10], std: [2, 4] };
  assertEquals(
    // Two rows of two pixels of two channels.
    valuesOf(normalize, options, floats(2, 2), Float32Array.of(1, 10, 3, 14, /**/ -1, 2, 0, 30)),
    Float32Array.of(0, 0, 1, 1, /**/ -1, -2, -0.5, 5),
  );
});

Deno.test("normalize converts bytes to float32", () => {
  const transform = make(normalize, { mean: 128, std: 64 }, { x: floats(2) });
  assertEquals(transform.features, { x: floats(2) });
  assertEquals(
    valuesOf(normalize, { mean: 128, std: 64 }, floats(2), Uint8Array.of(0, 64, 128, 255)),
    Float32Array.of(-2, -1, 0, 1.984375),
  );
});

Deno.test("normalize accepts one number for all values, one per channel or one per value", () => {
  const spec = floats(2, 2), values = Float32Array.of(1, 2, 3, 4, /**/ 5, 6, 7, 8);
  const of = (mean: number | number[], std: number | number[]) =>
    valuesOf(normalize, { mean, std }, spec, values);
  assertEquals(of(1, 2), Float32Array.of(0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5));
  assertEquals(of([1, 2], 2), Float32Array.of(0, 0, 1, 1, 2, 2, 3, 3));
  assertEquals(of(0, [1, 2]), Float32Array.of(1, 1, 3, 2, 5, 3, 7, 4));
  assertEquals(of([1, 2, 3, 4], [1, 1, 1, 4]), Float32Array.of(0, 0, 0, 0, 4, 4, 4, 1));
});

Deno.test("normalize measures the population standard deviation of each channel", async () => {
  const spec = floats(2, 2);
  const transform = make(normalize, {}, { x: spec });
  // Channel 0 has 1, 3, 5, 7: mean 4, squares 9 + 1 + 1 + 9, so a variance of 5.
  // Channel 1 has 2, 2, 6, 6: mean 4, variance 4.
  const values = Float32Array.of(1, 2, 3, 2, /**/ 5, 6, 7, 6);
  const { mean, std } = await measured(transform, spec, values);
  assertEquals(mean, [4, 4]);
  assertAlmostEquals(std[0]!, Math.sqrt(5), 1e-15);
  assertEquals(std[1], 2);
  const result = appliedByRows(transform, batchOf(2, { x: { values, shape: [2, 2] } }));
  const root = Math.fround(1 / Math.sqrt(5)), thrice = Math.fround(3 / Math.sqrt(5));
  assertEquals(
    result.features.x!.values,
    Float32Array.of(-thrice, -1, -root, -1, root, 1, thrice, 1),
  );
});

Deno.test("normalize measures each position of a row separately, or all together", async () => {
  const spec = floats(2, 2), values = Float32Array.of(1, 2, 3, 2, /**/ 5, 6, 7, 6);
  assertEquals(await measured(make(normalize, { per: "value" }, { x: spec }), spec, values), {
    mean: [3, 4, 5, 4],
    std: [2, 2, 2, 2],
  });
  // The sum is 32 and that of the squares 160: a mean of 4 and a variance of 160/8 − 16 = 4.
  const small = Float32Array.of(4, 4, 4, 4, 2, 6, 0, 8);
  const { mean, std } = await measured(make(normalize, { per: "all" }, { x: spec }), spec, small);
  assertEquals(mean, [4]);
  assertAlmostEquals(std[0]!, Math.sqrt(5), 1e-15);
  const scalars = make(normalize, {}, { x: floats() });
  assertEquals(await measured(scalars, floats(), Float32Array.of(1, 3)), { mean: [2], std: [1] });
});

Deno.test("normalize measures the same statistics for any division of rows into batches", async () => {
  const random = createRandom(5);
  const values = Float32Array.from({ length: 3 * 101 }, () => 200 + 3 * random.uniform());
  const results = [];
  for (const rows of [Infinity, 50, 7, 1]) {
    results.push(await measured(make(normalize, {}, { x: floats(3) }), floats(3), values, rows));
  }
  const sum = values.reduce((sum, value, index) => index % 3 === 0 ? sum + value : sum, 0);
  assertAlmostEquals(results[0]!.mean[0]!, sum / 101, 1e-12);
  for (const { mean, std } of results) {
    for (const channel of [0, 1, 2]) {
      assertAlmostEquals(mean[channel]!, results[0]!.mean[channel]!, 1e-12);
      assertAlmostEquals(std[channel]!, results[0]!.std[channel]!, 1e-12);
    }
  }
});

Deno.test("normalize measures a small deviation with a large mean accurately, for many images", async () => {
  // ±1/8 around 2^20, half of each, so that float32 holds them: the deviation is 1/8. Sums in
  // float32, or of squares, would lose it: 2^40 / 2^53 is 2^-13, and there are a million values.
  const spec = floats(32, 32, 1);
  const values = Float32Array.from(
    { length: 1000 * 32 * 32 },
    (_, index) => 2 ** 20 + ((index * 7) % 16 < 8 ? 0.125 : -0.125),
  );
  const transform = make(normalize, {}, { x: spec });
  const { mean, std } = await measured(transform, spec, values, 128);
  assertAlmostEquals(mean[0]!, 2 ** 20, 1e-9);
  assertAlmostEquals(std[0]!, 0.125, 1e-9);
  const few = batchOf(2, { x: { values: values.subarray(0, 2 * 32 * 32), shape: spec.shape } });
  const { x } = appliedByRows(transform, few).features;
  x!.values.forEach((value, index) =>
    assertAlmostEquals(value, (index * 7) % 16 < 8 ? 1 : -1, 1e-6)
  );
});

Deno.test("normalize maps constant values to 0, and divides by 1 if other values occur later", async () => {
  // A tenth is no binary fraction: plain sums of doubles miss its mean by some rounding, and what
  // is left as a deviation would blow that rounding up.
  for (const Type of [Float32Array, Float64Array]) {
    for (const number of [0.1, 255, 1e-30, -3.3]) {
      const [constant] = Type.of(number) as Float32Array | Float64Array;
      for (const rows of [1000, 333, 1]) {
        const transform = make(normalize, {}, { x: floats(2) });
        const values = new Type(2000).map((_, index) =>
          index % 2 === 0 ? number : (index >> 1) % 2
        );
        const { mean, std } = await measured(transform, floats(2), values, rows);
        assertEquals([mean[0], std[0]], [constant, 0]);
        assertAlmostEquals(std[1]!, 0.5, 1e-12);
        const later = Type.of(number, 0, number + 1, 1);
        const { x } = appliedByRows(transform, batchOf(2, { x: { values: later, shape: [2] } }))
          .features;
        assertEquals(x!.values[0], 0);
        assertAlmostEquals(x!.values[2]!, 1, 1e-6);
      }
    }
  }
  assertEquals(
    valuesOf(normalize, { mean: 3, std: 0 }, floats(), Float32Array.of(3, 5)),
    Float32Array.of(0, 2),
  );
});

Deno.test("normalize measures each feature separately, and does not change ids", async () => {
  const features = { a: floats(), b: floats(2), city: ids() };
  const batch = batchOf(2, {
    a: { values: Float32Array.of(1, 3), shape: [] },
    b: { values: Float32Array.of(10, 1, 20, 1), shape: [2] },
    city: { values: Int32Array.of(7, 8), shape: [] },
  });
  const transform = make(normalize, {}, features);
  const kept = await transform.measure!(batches(batch, 1));
  assertEquals(kept, {
    a: { mean: [2], std: [1] },
    b: { mean: [15, 1], std: [5, 0] },
  });
  transform.restore!(kept);
  const result = appliedByRows(transform, batch).features;
  assertEquals(result.a!.values, Float32Array.of(-1, 1));
  assertEquals(result.b!.values, Float32Array.of(-1, 0, 1, 0));
  assertEquals(result.city, batch.features.city);
});

Deno.test("normalize uses the statistics of an earlier run or of its options instead of measuring them", () => {
  const transform = make(normalize, {}, { x: floats(2) });
  transform.restore!({ x: { mean: [1, 2], std: [2, 0] } });
  const batch = batchOf(2, { x: { values: Float32Array.of(1, 2, 3, 4), shape: [2] } });
  assertEquals(appliedByRows(transform, batch).features.x!.values, Float32Array.of(0, 0, 1, 2));
  const given = make(normalize, { mean: 1, std: 1 }, { x: floats(2) });
  assert(!given.measure && !given.restore);
});

Deno.test("normalize refuses statistics that were measured for other features", () => {
  const transform = make(normalize, {}, { x: floats(2) });
  for (const x of [{ mean: [1], std: [1] }, { mean: [1, 2], std: [1] }, undefined]) {
    assertThrows(
      () => transform.restore!(x ? { x } : {}),
      UserError,
      "expected 2 means and standard deviations in the stored statistics of the feature x",
    );
  }
  assertThrows(() => transform.restore!({ x: { mean: ["1", "2"], std: [1, 1] } }), Error);
});

Deno.test("normalize refuses numbers that do not fit the channels", () => {
  const x = floats(2, 2, 3),
    hint = "its shape is [2, 2, 3]: give one number, one per channel, or one per value";
  for (const [mean, std, option] of [[[1, 2], 1, "mean"], [0, [1, 2, 3, 4], "std"]] as const) {
    assertRefused(
      normalize,
      { mean, std },
      { x },
      `${option} has ${[mean, std].flat().length - 1} numbers; the feature x has 3 channels`,
      hint,
    );
  }
  assertRefused(
    normalize,
    { mean: [1, 2, 3], std: Array(12).fill(1) },
    { x },
    "mean has 3 numbers; the feature x has 3 channels",
  );
  assertRefused(normalize, { feature: "x" }, { x: ids() }, "the feature x holds ids");
});

Deno.test("normalize reports the expected values of its options", () => {
  for (const options of [{ mean: 1 }, { std: 1 }]) {
    assertEquals(issuesOf(normalize, options), [": expected mean and std, or neither of them"]);
  }
  assertEquals(issuesOf(normalize, { mean: "1", std: 1 }), [
    "mean: expected a number, or a list of them",
  ]);
  assertEquals(issuesOf(normalize, { mean: 0, std: -1 }), ["std: expected at least 0"]);
  assertEquals(issuesOf(normalize, { mean: 0, std: [1, -1] }), ["std.1: expected at least 0"]);
  assertEquals(issuesOf(normalize, { per: "row" }).length, 1);
});
