import { assert, assertEquals } from "@std/assert";
import select from "../../../plugins/transforms/select.ts";
import { checkStage } from "../../../testing.ts";
import { appliedByRows, assertRefused, batchOf, floats, ids, issuesOf, make } from "./support.ts";

const features = { a: floats(), b: ids(2), c: floats(3) };

Deno.test("select fulfills the contract of a transform", async () => {
  await checkStage(select, { options: { features: ["image"] } });
  await checkStage(select, { options: { features: ["c", "a"] }, features });
});

Deno.test("select keeps the named features in the given order, and drops all others", () => {
  const batch = batchOf(2, {
    a: { values: Float32Array.of(1, 2), shape: [] },
    b: { values: Int32Array.of(3, 4, 5, 6), shape: [2] },
    c: { values: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [3] },
  });
  const transform = make(select, { features: ["c", "a"] }, features);
  assertEquals(Object.entries(transform.features), [["c", features.c], ["a", features.a]]);
  const result = appliedByRows(transform, batch);
  assertEquals(Object.keys(result.features), ["c", "a"]);
  for (const name of ["a", "c"]) {
    assert(result.features[name]!.values === batch.features[name]!.values, `${name} was copied`);
  }
});

Deno.test("select refuses unknown features and an empty list", () => {
  assertRefused(
    select,
    { features: ["a", "cc"] },
    features,
    "there is no feature cc",
    "did you mean c? the features are a, b, c",
  );
  assertEquals(issuesOf(select, { features: "a" }), ["features: expected a list of features"]);
  assertEquals(issuesOf(select, { features: [] }).length, 1);
});
