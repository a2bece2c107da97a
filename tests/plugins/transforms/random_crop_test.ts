import { assert, assertEquals } from "@std/assert";
import type { Batch, Values } from "../../../src/stages/batch.ts";
import randomCrop from "../../../plugins/transforms/random_crop.ts";
import { checkStage } from "../../../testing.ts";
import { applied, assertRefused, batchOf, floats, ids, issuesOf, make } from "./support.ts";

/** The same image of numbered pixels in each row: `1 2 3`, `4 5 6` if it has two lines. */
function numbered(rows: number, height = 2): Batch {
  const size = 3 * height;
  const values = new Uint8Array(size * rows).map((_, index) => index % size + 1);
  return batchOf(rows, { x: { values, shape: [height, 3, 1] } });
}

/** What becomes of each row, as text. */
function windows(values: Values, size: number): string[] {
  return Array.from(
    { length: values.length / size },
    (_, row) => values.subarray(row * size, (row + 1) * size).join(" "),
  );
}

/** All windows of a padded image, given as lines of text. */
function windowsOf(padded: string[], height: number, width: number): string[] {
  const lines = padded.map((line) => line.split(" "));
  const all: string[] = [];
  for (let top = 0; top + height <= lines.length; top++) {
    for (let left = 0; left + width <= lines[0]!.length; left++) {
      const window = lines.slice(top, top + height).map((line) => line.slice(left, left + width));
      all.push(window.flat().join(" "));
    }
  }
  return all;
}

/** Expects each of some windows, about equally often, and no others. */
function assertUniform(seen: readonly string[], expected: readonly string[]): void {
  const counts = new Map(expected.map((window) => [window, 0]));
  assertEquals(counts.size, expected.length, "two windows look alike");
  for (const window of seen) {
    assert(counts.has(window), `${window} is no window`);
    counts.set(window, counts.get(window)! + 1);
  }
  const mean = seen.length / expected.length;
  // Four deviations of a Poisson distribution; the seed is fixed.
  for (const [window, count] of counts) {
    assert(Math.abs(count - mean) < 4 * Math.sqrt(mean), `${window}: ${count}`);
  }
}

Deno.test("random-crop fulfills the contract of a transform", async () => {
  for (const mode of ["zero", "reflect"]) {
    await checkStage(randomCrop, { options: { pad: 4, mode } });
    await checkStage(randomCrop, { options: { pad: 1, mode, to: [3, 5] } });
  }
  await checkStage(randomCrop, { options: { to: [1, 2] }, features: { map: ids(2, 3, 2) } });
});

Deno.test("random-crop uses every offset in an image padded with zeros", () => {
  const transform = make(randomCrop, { pad: 1, mode: "zero" }, { x: floats(2, 3, 1) });
  const { x } = applied(transform, numbered(9000)).features;
  const padded = ["0 0 0 0 0", "0 1 2 3 0", "0 4 5 6 0", "0 0 0 0 0"];
  assertUniform(windows(x!.values, 6), windowsOf(padded, 2, 3));
});

Deno.test("random-crop uses every offset in an image with mirrored padding, which is the default", () => {
  const transform = make(randomCrop, { pad: 1 }, { x: floats(3, 3, 1) });
  const { x } = applied(transform, numbered(9000, 3)).features;
  const padded = ["5 4 5 6 5", "2 1 2 3 2", "5 4 5 6 5", "8 7 8 9 8", "5 4 5 6 5"];
  assertUniform(windows(x!.values, 9), windowsOf(padded, 3, 3));
});

Deno.test("random-crop crops windows of another size, even smaller than the padding", () => {
  const smaller = make(randomCrop, { to: [1, 2] }, { x: floats(2, 3, 1) });
  assertEquals(smaller.features, { x: floats(1, 2, 1) });
  assertUniform(
    windows(applied(smaller, numbered(4000)).features.x!.values, 2),
    ["1 2", "2 3", "4 5", "5 6"],
  );
  const single = make(randomCrop, { pad: 2, mode: "zero", to: [6, 1] }, { x: floats(2, 3, 1) });
  const columns = windows(applied(single, numbered(700)).features.x!.values, 6);
  assertEquals(
    [...new Set(columns)].sort(),
    ["0 0 0 0 0 0", "0 0 1 4 0 0", "0 0 2 5 0 0", "0 0 3 6 0 0"],
  );
  const pixels = make(randomCrop, { pad: 1, to: [1, 1] }, { x: floats(2, 3, 1) });
  const pixel = windows(applied(pixels, numbered(20_000)).features.x!.values, 1);
  // Two of the reflected image's four lines are 5 4 5 6 5, so 6 of its 20 pixels are 5.
  const share = pixel.filter((value) => value === "5").length / 20_000;
  assert(Math.abs(share - 6 / 20) < 0.02, `${share}`);
});

Deno.test("random-crop draws the vertical and horizontal offset independently for each row", () => {
  const transform = make(randomCrop, { pad: 4, mode: "zero" }, { x: floats(1, 1, 1) });
  const values = new Float32Array(8100).fill(1);
  const { x } = applied(transform, batchOf(8100, { x: { values, shape: [1, 1, 1] } })).features;
  // A single pixel is hit in 1 of 9 · 9 windows; in 1 of 9 if both offsets were one draw.
  const hits = [...x!.values].filter((value) => value === 1).length;
  assert(Math.abs(hits - 100) < 40, `${hits}`);
});

Deno.test("random-crop uses the same offset for all features of a row", () => {
  const features = { image: floats(3, 3, 1), mask: ids(3, 3, 1), age: floats() };
  const rows = 50;
  const image = new Uint8Array(9 * rows).map((_, index) => index % 9 + 1);
  const batch = batchOf(rows, {
    image: { values: image, shape: [3, 3, 1] },
    mask: { values: Int32Array.from(image), shape: [3, 3, 1] },
    age: { values: new Float32Array(rows), shape: [] },
  });
  const result = applied(make(randomCrop, { pad: 1 }, features), batch).features;
  assertEquals([...result.mask!.values], [...result.image!.values]);
  assert(result.mask!.values instanceof Int32Array);
  assertEquals(result.age, batch.features.age);
});

Deno.test("random-crop keeps the channels of a pixel together", () => {
  const values = new Uint8Array(2 * 6 * 20).map((_, index) =>
    (index >> 1) % 6 + 1 + 100 * (index % 2)
  );
  const transform = make(randomCrop, { pad: 1 }, { x: floats(2, 3, 2) });
  const { x } = applied(transform, batchOf(20, { x: { values, shape: [2, 3, 2] } })).features;
  for (let index = 0; index < x!.values.length; index += 2) {
    assertEquals(x!.values[index + 1], x!.values[index]! + 100);
  }
});

Deno.test("random-crop depends only on the random numbers that it receives", () => {
  const transform = make(randomCrop, { pad: 1 }, { x: floats(2, 3, 1) });
  const of = (seed: number) => [...applied(transform, numbered(20), seed).features.x!.values];
  assertEquals(of(5), of(5));
  assert(of(5).join() !== of(6).join());
});

Deno.test("random-crop applies only to training rows by default", () => {
  assertEquals(randomCrop.on, "training");
});

Deno.test("random-crop without padding does not change images", () => {
  const transform = make(randomCrop, {}, { x: floats(2, 3, 1) });
  const batch = numbered(5);
  assertEquals(applied(transform, batch).features.x, batch.features.x);
});

Deno.test("random-crop refuses windows that are too large, and images that are too small for mirrored padding", () => {
  const features = { x: floats(4, 5, 1) };
  for (const to of [[7, 7], [6, 8]]) {
    assertRefused(
      randomCrop,
      { pad: 1, to },
      features,
      `the window ${to.join(" × ")} is larger than the padded images of the feature x, 6 × 7`,
      "set `to: [6, 7]` or less, or increase the padding",
    );
  }
  assertEquals(make(randomCrop, { pad: 1, to: [6, 7] }, features).features, {
    x: floats(6, 7, 1),
  });
  assertRefused(
    randomCrop,
    { pad: 4, feature: "x" },
    features,
    "the feature x is too small to be padded by 4 with its own reflection",
  );
  assertRefused(
    randomCrop,
    { pad: 1 },
    { x: floats(4) },
    "no feature is suitable for this transform: expected images",
  );
  assertEquals(issuesOf(randomCrop, { pad: -1 }).length, 1);
});
