import { assert, assertEquals } from "@std/assert";
import resize from "../../../plugins/transforms/resize.ts";
import { checkStage } from "../../../testing.ts";
import { readResizeReference } from "../../reference/fixtures.ts";
import { referenceUniform } from "../../reference/values.ts";
import { assertRefused, floats, ids, issuesOf, make, valuesOf } from "./support.ts";

Deno.test("resize fulfills the contract of a transform", async () => {
  for (const mode of ["area", "bilinear"]) {
    await checkStage(resize, { options: { to: [5, 4], mode } });
    await checkStage(resize, { options: { to: [1, 40], mode } });
  }
});

for (const { mode, shape, to, values } of (await readResizeReference()).cases) {
  const name = `resize by ${mode} from [${shape}] to [${to}] is PyTorch's interpolate()`;
  Deno.test(name, () => {
    const images = referenceUniform(`resize/[${shape.join(", ")}]`, [2, ...shape], -1, 1);
    const resized = valuesOf(resize, { to, mode }, floats(...shape), images);
    assertEquals(resized.length, values.length);
    values.forEach((value, index) => {
      assert(Math.abs(resized[index]! - value) < 2e-6, `${index}: ${resized[index]}, ${value}`);
    });
  });
}

Deno.test("resize averages areas by default, and declares the resulting shape", () => {
  assertEquals(
    valuesOf(resize, { to: [1, 2] }, floats(2, 2, 1), Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8)),
    Float32Array.of(2, 3, /**/ 6, 7),
  );
  const { features } = make(resize, { to: [1, 2] }, { x: floats(2, 4, 3), age: floats() });
  assertEquals(features, { x: floats(1, 2, 3), age: floats() });
});

Deno.test("resize refuses ids and features that are not images", () => {
  assertRefused(
    resize,
    { to: [2, 2] },
    { x: floats(4, 4) },
    "no feature is suitable for this transform: expected images",
  );
  const options = { to: [2, 2], feature: "x" };
  assertRefused(
    resize,
    options,
    { x: ids(4, 4, 1) },
    "the feature x holds ids, which cannot be averaged",
  );
  assertEquals(issuesOf(resize, { to: [0, 4] }).length, 1);
  assertEquals(issuesOf(resize, { to: [4, 4], mode: "cubic" }), [
    "mode: expected area or bilinear",
  ]);
});
