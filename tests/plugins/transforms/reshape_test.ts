import { assert, assertEquals } from "@std/assert";
import reshape from "../../../plugins/transforms/reshape.ts";
import { checkStage } from "../../../testing.ts";
import { appliedByRows, assertRefused, batchOf, floats, ids, issuesOf, make } from "./support.ts";

Deno.test("reshape fulfills the contract of a transform", async () => {
  await checkStage(reshape, { options: { shape: [2, -1] } });
  await checkStage(reshape, { options: { shape: [4] }, features: { tags: ids(2, 2) } });
});

Deno.test("reshape keeps the values in their order, without a copy", () => {
  const values = Uint8Array.from({ length: 12 }, (_, index) => index);
  const transform = make(reshape, { shape: [3, 1, 2] }, { x: floats(6) });
  assertEquals(transform.features, { x: floats(3, 1, 2) });
  const { x } = appliedByRows(transform, batchOf(2, { x: { values, shape: [6] } })).features;
  assert(x!.values === values);
});

Deno.test("reshape computes the length of an axis that is -1", () => {
  const shapeOf = (shape: number[], ...from: number[]) =>
    make(reshape, { shape }, { x: floats(...from) }).features.x!.shape;
  assertEquals(shapeOf([-1], 2, 3), [6]);
  assertEquals(shapeOf([2, -1, 1], 12), [2, 6, 1]);
  assertEquals(shapeOf([-1, 1]), [1, 1]);
  assertEquals(shapeOf([], 1, 1), []);
});

Deno.test("reshape keeps the vocabulary of ids", () => {
  const city = { ...ids(4), vocabulary: ["a", "b"] };
  assertEquals(make(reshape, { shape: [2, 2] }, { city }).features, {
    city: { ...city, shape: [2, 2] },
  });
});

Deno.test("reshape changes all features with the right number of values by default", () => {
  const features = { image: floats(4), age: floats() };
  const transform = make(reshape, { shape: [2, 2, 1] }, features);
  assertEquals(transform.features, { image: floats(2, 2, 1), age: floats() });
});

Deno.test("reshape refuses features whose number of values does not fit the shape", () => {
  const features = { x: floats(5) };
  const hint = "before this transform, the feature is float32 [5]: remove its name from `feature`";
  for (const shape of [[2, 3], [2, -1], [5, 2], []]) {
    assertRefused(
      reshape,
      { shape, feature: "x" },
      features,
      `the feature x has 5 values per row, which do not match [${shape.join(", ")}]`,
      hint,
    );
  }
  assertRefused(reshape, { shape: [7] }, features, "no feature is suitable for this transform");
  assertEquals(issuesOf(reshape, { shape: [-1, -1] }), ["shape: expected at most one -1"]);
  for (const length of [0, -2]) {
    assertEquals(issuesOf(reshape, { shape: [length] }), [
      "shape.0: expected at least 1, or -1 for the remaining values",
    ]);
  }
  assertEquals(issuesOf(reshape, { shape: [1.5] }), ["shape.0: expected a whole number"]);
});
