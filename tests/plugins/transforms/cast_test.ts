import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../../plugin.ts";
import cast from "../../../plugins/transforms/cast.ts";
import { checkStage } from "../../../testing.ts";
import {
  applied,
  appliedByRows,
  assertRefused,
  batchOf,
  floats,
  ids,
  issuesOf,
  make,
  valuesOf,
} from "./support.ts";

Deno.test("cast fulfills the contract of a transform, in both directions", async () => {
  await checkStage(cast, { options: { dtype: "int32" } });
  await checkStage(cast, {
    options: { dtype: "float32", feature: "age" },
    features: { age: ids(), image: floats(3) },
  });
});

Deno.test("cast converts ids to float32", () => {
  const values = Int32Array.of(-1, 0, 7, 2 ** 24);
  assertEquals(
    valuesOf(cast, { dtype: "float32" }, ids(), values),
    Float32Array.of(-1, 0, 7, 2 ** 24),
  );
  assertEquals(make(cast, { dtype: "float32" }, { x: ids(2) }).features, { x: floats(2) });
});

Deno.test("cast truncates fractions towards 0 when it converts to int32", () => {
  const values = Float32Array.of(1.9, -1.9, 0.5, -0.5, 3, -4);
  assertEquals(
    valuesOf(cast, { dtype: "int32" }, floats(2), values),
    Int32Array.of(1, -1, 0, 0, 3, -4),
  );
  const bytes = Uint8Array.of(0, 200, 255);
  assertEquals(valuesOf(cast, { dtype: "int32" }, floats(), bytes), Int32Array.of(0, 200, 255));
});

Deno.test("cast keeps all values in the range of int32, and refuses values outside of it instead of wrapping", () => {
  const transform = make(cast, { dtype: "int32" }, { x: floats(2) });
  const columns = (...values: number[]) =>
    batchOf(values.length / 2, { x: { values: Float64Array.from(values), shape: [2] } });
  const most = 2 ** 31 - 1;
  assertEquals(
    applied(transform, columns(most, -(2 ** 31))).features.x!.values,
    Int32Array.of(most, -(2 ** 31)),
  );
  for (const value of [2 ** 31, -(2 ** 31) - 1, 2 ** 32]) {
    const error = assertThrows(
      () => applied(transform, columns(1, 2, 3, value)),
      UserError,
      `the feature x has ${value} in row 1 of a batch, which is outside the range of int32`,
    );
    assertEquals(
      error.problems[0]!.hint,
      "int32 holds integers from −2,147,483,648 to 2,147,483,647: remove the cast, or use scale or " +
        "another transform before it",
    );
  }
});

Deno.test("cast converts all features of other types by default", () => {
  const features = { age: ids(), image: floats(2) };
  const batch = batchOf(2, {
    age: { values: Int32Array.of(30, 40), shape: [] },
    image: { values: Float32Array.of(0.5, 1, 2, 3), shape: [2] },
  });
  const result = appliedByRows(make(cast, { dtype: "float32" }, features), batch);
  assertEquals(result.features.age!.values, Float32Array.of(30, 40));
  assertEquals(result.features.image, batch.features.image);
  assertRefused(
    cast,
    { dtype: "float32" },
    { image: floats(2) },
    "no feature is suitable for this transform: expected a feature that is not float32 yet",
    "remove the transform; the features are image float32 [2]",
  );
});

Deno.test("cast does not convert ids of a vocabulary to numbers", () => {
  const city = { ...ids(), vocabulary: ["Bergen", "Oslo"] };
  const user = {
    ...ids(),
    ids: { kind: "hash" as const, count: 10, name: "user", padded: false },
  };
  for (const spec of [city, user]) {
    assertRefused(
      cast,
      { dtype: "float32", feature: "x" },
      { x: spec },
      "the feature x holds ids: expected numbers; to convert ids to numbers, use `one-hot`",
      "before this transform, the feature is int32 []: remove its name from `feature`",
    );
    assertEquals(
      make(cast, { dtype: "float32" }, { x: spec, age: ids() }).features,
      { x: spec, age: floats() },
    );
  }
  assertEquals(make(cast, { dtype: "int32", feature: "city" }, { city }).features, { city });
});

Deno.test("cast reports the expected values of its options", () => {
  assertEquals(issuesOf(cast, { dtype: "float64" }), ["dtype: expected float32 or int32"]);
  assertEquals(issuesOf(cast, {}), ["dtype: expected float32 or int32"]);
});
