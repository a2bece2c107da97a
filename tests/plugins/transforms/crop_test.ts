import { assertEquals } from "@std/assert";
import crop from "../../../plugins/transforms/crop.ts";
import { checkStage } from "../../../testing.ts";
import { assertRefused, floats, ids, issuesOf, make, valuesOf } from "./support.ts";

/** Images whose pixels are numbered from 1, one after the other. */
const numbered = (rows: number, size: number) =>
  Float32Array.from({ length: rows * size }, (_, index) => index + 1);

Deno.test("crop fulfills the contract of a transform", async () => {
  await checkStage(crop, { options: { to: [5, 4] } });
  await checkStage(crop, { options: { to: [1, 1] }, features: { map: ids(2, 3, 2) } });
});

Deno.test("crop keeps the center of each image", () => {
  assertEquals(
    valuesOf(crop, { to: [2, 2] }, floats(4, 4, 1), numbered(2, 16)),
    Float32Array.of(6, 7, 10, 11, /**/ 22, 23, 26, 27),
  );
});

Deno.test("crop removes one more row at the bottom and one more column on the right if the difference is odd", () => {
  assertEquals(
    valuesOf(crop, { to: [2, 1] }, floats(3, 4, 1), numbered(2, 12)),
    Float32Array.of(2, 6, /**/ 14, 18),
  );
});

Deno.test("crop keeps the channels of a pixel together", () => {
  assertEquals(
    valuesOf(crop, { to: [1, 2] }, floats(1, 4, 2), numbered(2, 8)),
    Float32Array.of(3, 4, 5, 6, /**/ 11, 12, 13, 14),
  );
  assertEquals(make(crop, { to: [1, 2] }, { x: ids(3, 4, 2) }).features, { x: ids(1, 2, 2) });
});

Deno.test("crop to the image's own size changes nothing", () => {
  assertEquals(valuesOf(crop, { to: [3, 4] }, floats(3, 4, 1), numbered(2, 12)), numbered(2, 12));
});

Deno.test("crop refuses larger sizes, and features that are not images", () => {
  for (const to of [[5, 4], [4, 5]]) {
    assertRefused(
      crop,
      { to },
      { x: floats(4, 4, 1) },
      `the window ${to.join(" × ")} is larger than the padded images of the feature x, 4 × 4`,
    );
  }
  assertRefused(
    crop,
    { to: [2, 2] },
    { x: floats(4, 4) },
    "no feature is suitable for this transform: expected images",
  );
  for (const to of [[24], 24, [24, 24, 1]]) {
    assertEquals(issuesOf(crop, { to }), [
      "to: expected a height and a width, such as [32, 32]",
    ]);
  }
  assertEquals(issuesOf(crop, { to: [0, 4] }).length, 1);
});
