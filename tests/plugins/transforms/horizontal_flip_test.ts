import { assert, assertEquals } from "@std/assert";
import flip from "../../../plugins/transforms/horizontal_flip.ts";
import { checkStage } from "../../../testing.ts";
import {
  applied,
  assertRefused,
  batchOf,
  floats,
  ids,
  issuesOf,
  make,
  valuesOf,
} from "./support.ts";

Deno.test("horizontal-flip fulfills the contract of a transform", async () => {
  for (const probability of [0, 0.5, 1]) await checkStage(flip, { options: { probability } });
  await checkStage(flip, { features: { map: ids(2, 3, 2) } });
});

Deno.test("horizontal-flip mirrors each row of pixels, and keeps the channels of a pixel together", () => {
  const lines = Float32Array.of(1, 2, 3, 4, 5, 6, /**/ 7, 8, 9, 10, 11, 12);
  assertEquals(
    valuesOf(flip, { probability: 1 }, floats(2, 3, 1), lines),
    Float32Array.of(3, 2, 1, 6, 5, 4, /**/ 9, 8, 7, 12, 11, 10),
  );
  const pixels = Uint8Array.of(1, 101, 2, 102, /**/ 3, 103, 4, 104);
  assertEquals(
    valuesOf(flip, { probability: 1 }, floats(1, 2, 2), pixels),
    Uint8Array.of(2, 102, 1, 101, /**/ 4, 104, 3, 103),
  );
  assertEquals(valuesOf(flip, { probability: 0 }, floats(2, 3, 1), lines), lines);
});

Deno.test("horizontal-flip applies only to training rows by default", () => {
  assertEquals(flip.on, "training");
});

Deno.test("horizontal-flip mirrors images with the given probability, 0.5 by default", () => {
  const rows = 4000, values = new Uint8Array(2 * rows).map((_, index) => index % 2);
  const batch = batchOf(rows, { x: { values, shape: [1, 2, 1] } });
  for (const probability of [undefined, 0.1]) {
    const transform = make(flip, { probability }, { x: floats(1, 2, 1) });
    const { x } = applied(transform, batch, 3).features;
    const mirrored = [...x!.values].filter((value, index) => index % 2 === 0 && value === 1).length;
    // Four deviations of the binomial distribution; the seed is fixed.
    const part = probability ?? 0.5;
    const deviation = Math.sqrt(rows * part * (1 - part));
    assert(Math.abs(mirrored - rows * part) < 4 * deviation, `${mirrored}`);
  }
});

Deno.test("horizontal-flip mirrors either all features of a row or none", () => {
  const features = { image: floats(1, 2, 1), mask: ids(1, 2, 1), age: floats() };
  const rows = 64;
  const image = new Uint8Array(2 * rows).map((_, index) => index % 2);
  const batch = batchOf(rows, {
    image: { values: image, shape: [1, 2, 1] },
    mask: { values: Int32Array.from(image), shape: [1, 2, 1] },
    age: { values: new Float32Array(rows).fill(3), shape: [] },
  });
  const result = applied(make(flip, {}, features), batch).features;
  assertEquals([...result.mask!.values], [...result.image!.values]);
  assert(result.mask!.values instanceof Int32Array);
  assertEquals(result.age, batch.features.age);
  const first = result.image!.values.filter((_, index) => index % 2 === 0);
  assertEquals([...new Set(first)].sort(), [0, 1]);
});

Deno.test("horizontal-flip depends only on the random numbers that it receives", () => {
  const values = new Uint8Array(2 * 64).map((_, index) => index % 2);
  const batch = batchOf(64, { x: { values, shape: [1, 2, 1] } });
  const transform = make(flip, {}, { x: floats(1, 2, 1) });
  const of = (seed: number) => [...applied(transform, batch, seed).features.x!.values];
  assertEquals(of(5), of(5));
  assert(of(5).join() !== of(6).join());
});

Deno.test("horizontal-flip refuses features that are not images, and invalid probabilities", () => {
  assertRefused(
    flip,
    {},
    { x: floats(8, 8) },
    "no feature is suitable for this transform: expected images",
  );
  for (const probability of [-0.1, 1.1]) assertEquals(issuesOf(flip, { probability }).length, 1);
});
