import { assertEquals } from "@std/assert";
import scale from "../../../plugins/transforms/scale.ts";
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

Deno.test("scale fulfills the contract of a transform", () =>
  checkStage(scale, { options: { by: 0.5, offset: -1 } }));

Deno.test("scale multiplies, then adds the offset", () => {
  const values = Float32Array.of(0, 1, -2, 4);
  assertEquals(
    valuesOf(scale, { by: 0.5, offset: 3 }, floats(), values),
    Float32Array.of(3, 3.5, 2, 5),
  );
  assertEquals(valuesOf(scale, { by: -2 }, floats(2), values), Float32Array.of(-0, -2, 4, -8));
});

Deno.test("scale converts bytes to float32 without wrapping at 256 or truncating fractions", () => {
  assertEquals(
    valuesOf(scale, { by: 1.5 }, floats(), Uint8Array.of(0, 1, 255)),
    Float32Array.of(0, 1.5, 382.5),
  );
});

Deno.test("scale rounds only once, after the addition", () => {
  // In float32, 16777217 is no number: 2^24 · 1 + 1 − 2^24 would be 0 if the product were rounded.
  const values = Float64Array.of(16_777_217, 16_777_219);
  assertEquals(
    valuesOf(scale, { by: 1, offset: -16_777_216 }, floats(), values),
    Float32Array.of(1, 3),
  );
});

Deno.test("scale changes all numeric features by default, never ids, and only the named features if any are named", () => {
  const features = { a: floats(), b: floats(), city: ids() };
  const batch = batchOf(2, {
    a: { values: Float32Array.of(1, 2), shape: [] },
    b: { values: Float32Array.of(3, 4), shape: [] },
    city: { values: Int32Array.of(5, 6), shape: [] },
  });
  const all = appliedByRows(make(scale, { by: 2 }, features), batch);
  assertEquals(all.features.a!.values, Float32Array.of(2, 4));
  assertEquals(all.features.b!.values, Float32Array.of(6, 8));
  assertEquals(all.features.city, batch.features.city);
  for (const feature of ["b", ["b"]]) {
    const one = appliedByRows(make(scale, { by: 2, feature }, features), batch);
    assertEquals(one.features.a, batch.features.a);
    assertEquals(one.features.b!.values, Float32Array.of(6, 8));
  }
});

Deno.test("scale refuses ids and unknown features, and suggests the nearest name", () => {
  assertRefused(
    scale,
    { by: 2, feature: "city" },
    { city: ids(3) },
    "the feature city holds ids (int32): expected numbers (float32)",
    "before this transform, the feature is int32 [3]: remove its name from `feature`",
  );
  assertRefused(
    scale,
    { by: 2 },
    { city: ids() },
    "no feature is suitable for this transform",
    "remove the transform; the features are city int32 []",
  );
  assertRefused(
    scale,
    { by: 2, feature: "imgae" },
    { image: floats(2), age: floats() },
    "there is no feature imgae",
    "did you mean image? the features are image, age",
  );
  for (const feature of ["constructor", "toString"]) {
    assertRefused(
      scale,
      { by: 2, feature },
      { image: floats(2) },
      `there is no feature ${feature}`,
    );
  }
});

Deno.test("scale reports the expected values of its options", () => {
  assertEquals(issuesOf(scale, { by: "1/16" }), ["by: expected a number, such as 0.0625 for 1/16"]);
  assertEquals(issuesOf(scale, { by: Infinity }).length, 1);
  assertEquals(issuesOf(scale, { by: 1, feature: 3 }), [
    "feature: expected the name of a feature, or a list of them",
  ]);
});

Deno.test("scale rejects a list of features that names one twice, which would be scaled twice", () => {
  const issues = issuesOf(scale, { by: 2, feature: ["a", "b", "a"] });
  assertEquals(issues, ["feature: a feature is listed more than once"]);
});
