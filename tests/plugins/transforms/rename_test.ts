import { assert, assertEquals } from "@std/assert";
import rename from "../../../plugins/transforms/rename.ts";
import { checkStage } from "../../../testing.ts";
import { appliedByRows, assertRefused, batchOf, floats, ids, issuesOf, make } from "./support.ts";

const features = { a: floats(), b: ids(2) };

Deno.test("rename fulfills the contract of a transform", async () => {
  await checkStage(rename, { options: { names: { image: "pixels" } } });
  await checkStage(rename, { options: { names: { a: "b", b: "a" } }, features });
});

Deno.test("rename renames features, and keeps their values, their order and all other features", () => {
  const batch = batchOf(2, {
    a: { values: Float32Array.of(1, 2), shape: [] },
    b: { values: Int32Array.of(3, 4, 5, 6), shape: [2] },
  });
  const transform = make(rename, { names: { a: "age" } }, features);
  assertEquals(Object.entries(transform.features), [["age", features.a], ["b", features.b]]);
  const result = appliedByRows(transform, batch);
  assertEquals(Object.keys(result.features), ["age", "b"]);
  assert(result.features.age!.values === batch.features.a!.values);
  assert(result.features.b!.values === batch.features.b!.values);
});

Deno.test("rename can swap the names of features", () => {
  const batch = batchOf(2, {
    a: { values: Float32Array.of(1, 2), shape: [] },
    b: { values: Int32Array.of(3, 4, 5, 6), shape: [2] },
  });
  const transform = make(rename, { names: { a: "b", b: "a" } }, features);
  assertEquals(transform.features, { b: features.a, a: features.b });
  const result = appliedByRows(transform, batch);
  assertEquals(result.features, { b: batch.features.a!, a: batch.features.b! });
});

Deno.test("rename does not change a feature that is named like a property of Object.prototype", () => {
  const { features } = make(rename, { names: { a: "b" } }, { a: floats(), constructor: ids() });
  assertEquals(Object.keys(features), ["b", "constructor"]);
});

Deno.test("rename refuses names that are in use, and unknown features", () => {
  const hint = "give each feature a different name; the features are a, b";
  assertRefused(
    rename,
    { names: { a: "b" } },
    features,
    "two features would have the name b",
    hint,
  );
  assertRefused(
    rename,
    { names: { a: "x", b: "x" } },
    features,
    "two features would have the name x",
    hint,
  );
  assertRefused(
    rename,
    { names: { aa: "x" } },
    features,
    "there is no feature aa",
    "did you mean a? the features are a, b",
  );
  assertEquals(issuesOf(rename, { names: ["a"] }), [
    "names: expected old and new names, such as { pixels: image }",
  ]);
  assertEquals(issuesOf(rename, { names: { a: "" } }).length, 1);
});
