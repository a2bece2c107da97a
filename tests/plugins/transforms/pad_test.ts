import { assertEquals } from "@std/assert";
import pad from "../../../plugins/transforms/pad.ts";
import { checkStage } from "../../../testing.ts";
import {
  appliedByRows,
  assertRefused,
  batchOf,
  floats,
  ids,
  issuesOf,
  make,
  valuesOf,
} from "./support.ts";

/** Two rows: an image of two lines of three pixels, and its negative. */
const images = Float32Array.of(1, 2, 3, 4, 5, 6, /**/ -1, -2, -3, -4, -5, -6);

Deno.test("pad fulfills the contract of a transform", async () => {
  for (const mode of ["zero", "reflect", "symmetric"]) {
    await checkStage(pad, { options: { size: 3, mode } });
  }
  await checkStage(pad, { options: { size: 1 }, features: { map: ids(2, 3, 2) } });
});

Deno.test("pad adds zeros around images by default", () => {
  const padded = valuesOf(pad, { size: 1 }, floats(2, 3, 1), images);
  // deno-fmt-ignore
  assertEquals(padded, Float32Array.of(
    0, 0, 0, 0, 0,
    0, 1, 2, 3, 0,
    0, 4, 5, 6, 0,
    0, 0, 0, 0, 0,

    0, 0, 0, 0, 0,
    0, -1, -2, -3, 0,
    0, -4, -5, -6, 0,
    0, 0, 0, 0, 0,
  ));
  assertEquals(make(pad, { size: 2 }, { x: floats(2, 3, 4) }).features, { x: floats(6, 7, 4) });
});

Deno.test("pad with reflect mirrors images at their outermost pixels without repeating them", () => {
  const square = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);
  const padded = valuesOf(
    pad,
    { size: 2, mode: "reflect" },
    floats(3, 3, 1),
    Float32Array.of(...square, ...square.map((value) => 10 * value)),
  );
  // deno-fmt-ignore
  const expected = Float32Array.of(
    9, 8, 7, 8, 9, 8, 7,
    6, 5, 4, 5, 6, 5, 4,
    3, 2, 1, 2, 3, 2, 1,
    6, 5, 4, 5, 6, 5, 4,
    9, 8, 7, 8, 9, 8, 7,
    6, 5, 4, 5, 6, 5, 4,
    3, 2, 1, 2, 3, 2, 1,
  );
  assertEquals(padded.subarray(0, 49), expected);
  assertEquals(padded.subarray(49), expected.map((value) => 10 * value));
});

Deno.test("pad with symmetric mirrors images at their edges, as numpy.pad() and OpenCV's BORDER_REFLECT do", () => {
  // deno-fmt-ignore
  assertEquals(valuesOf(pad, { size: 2, mode: "symmetric" }, floats(2, 3, 1), images).subarray(0, 42), Float32Array.of(
    5, 4, 4, 5, 6, 6, 5,
    2, 1, 1, 2, 3, 3, 2,
    2, 1, 1, 2, 3, 3, 2,
    5, 4, 4, 5, 6, 6, 5,
    5, 4, 4, 5, 6, 6, 5,
    2, 1, 1, 2, 3, 3, 2,
  ));
  const options = { size: 3, mode: "symmetric", feature: "x" };
  assertRefused(
    pad,
    options,
    { x: floats(2, 8, 1) },
    "the feature x is too small to be padded by 3 with its own reflection: expected images of " +
      "the shape [height, width, channels], 3 × 3 or larger",
  );
});

Deno.test("pad keeps the channels of a pixel together", () => {
  const pixels = Uint8Array.of(1, 101, 2, 102, 3, 103, 4, 104);
  const two = Uint8Array.of(...pixels, ...pixels);
  // deno-fmt-ignore
  assertEquals(valuesOf(pad, { size: 1, mode: "reflect" }, floats(2, 2, 2), two).subarray(0, 32), Uint8Array.of(
    4, 104, 3, 103, 4, 104, 3, 103,
    2, 102, 1, 101, 2, 102, 1, 101,
    4, 104, 3, 103, 4, 104, 3, 103,
    2, 102, 1, 101, 2, 102, 1, 101,
  ));
});

Deno.test("pad does not change features that are not images, and keeps ids as ids", () => {
  const features = { image: floats(1, 1, 1), age: floats(), map: ids(1, 1, 1) };
  const batch = batchOf(2, {
    image: { values: Uint8Array.of(1, 2), shape: [1, 1, 1] },
    age: { values: Float32Array.of(30, 40), shape: [] },
    map: { values: Int32Array.of(3, 4), shape: [1, 1, 1] },
  });
  const transform = make(pad, { size: 1 }, features);
  assertEquals(transform.features.map, ids(3, 3, 1));
  const result = appliedByRows(transform, batch).features;
  assertEquals(result.age, batch.features.age);
  assertEquals(
    result.map!.values,
    Int32Array.of(0, 0, 0, 0, 3, 0, 0, 0, 0, /**/ 0, 0, 0, 0, 4, 0, 0, 0, 0),
  );
});

Deno.test("pad refuses images that are too small for the mirrored padding", () => {
  const options = { size: 3, mode: "reflect", feature: "x" };
  for (const x of [floats(3, 8, 1), floats(8, 3, 1)]) {
    assertRefused(
      pad,
      options,
      { x },
      "the feature x is too small to be padded by 3 with its own reflection: expected images of " +
        "the shape [height, width, channels], 4 × 4 or larger",
      `before this transform, the feature is float32 [${
        x.shape.join(", ")
      }]: remove its name from \`feature\``,
    );
  }
  assertEquals(make(pad, options, { x: floats(4, 4, 1) }).features, { x: floats(10, 10, 1) });
  assertEquals(make(pad, { size: 3 }, { x: floats(1, 1, 1) }).features, { x: floats(7, 7, 1) });
});

Deno.test("pad refuses features that are not images, and unknown options", () => {
  assertRefused(
    pad,
    { size: 1, feature: "x" },
    { x: floats(8, 8) },
    "the feature x is not an image",
  );
  assertRefused(
    pad,
    { size: 1 },
    { x: floats(8, 8) },
    "no feature is suitable for this transform: expected images",
  );
  assertEquals(issuesOf(pad, { size: 1, mode: "mirror" }), [
    "mode: expected zero, reflect or symmetric",
  ]);
  for (const size of [0, -1, 1.5]) assertEquals(issuesOf(pad, { size }).length, 1);
});
