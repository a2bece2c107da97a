import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../../plugin.ts";
import oneHot from "../../../plugins/transforms/one_hot.ts";
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

const city = { ...ids(), vocabulary: ["Bergen", "Oslo", "Tromsø"] };

Deno.test("one-hot fulfills the contract of a transform", async () => {
  await checkStage(oneHot, { options: { count: 4 }, features: { tags: ids(3) } });
  await checkStage(oneHot, { options: {}, features: { city, image: floats(2) } });
});

Deno.test("one-hot puts a 1 at each id", () => {
  assertEquals(
    valuesOf(oneHot, { count: 4 }, ids(), Int32Array.of(2, 0, 3)),
    Float32Array.of(0, 0, 1, 0, /**/ 1, 0, 0, 0, /**/ 0, 0, 0, 1),
  );
});

Deno.test("one-hot adds a dimension to features with several ids", () => {
  const transform = make(oneHot, { count: 2 }, { tags: ids(3) });
  const tags = { kind: "count", name: "tags", count: 2 } as const;
  assertEquals(transform.features, {
    tags: { ...floats(3, 2), places: [{ size: 3 }, { size: 2, ids: tags }] },
  });
  const batch = batchOf(2, { tags: { values: Int32Array.of(0, 1, 1, 1, 0, 0), shape: [3] } });
  assertEquals(
    appliedByRows(transform, batch).features.tags!.values,
    Float32Array.of(1, 0, 0, 1, 0, 1, /**/ 0, 1, 1, 0, 1, 0),
  );
});

Deno.test("one-hot has one position for each text in the training rows", () => {
  const transform = make(oneHot, {}, { city });
  const values = {
    kind: "vocabulary",
    name: "city",
    count: 3,
    vocabulary: city.vocabulary,
  } as const;
  assertEquals(transform.features, {
    city: { ...floats(3), places: [{ size: 3, ids: values }] },
  });
  const batch = batchOf(2, { city: { values: Int32Array.of(2, 1), shape: [] } });
  assertEquals(
    appliedByRows(transform, batch).features.city!.values,
    Float32Array.of(0, 0, 1, 0, 1, 0),
  );
  assertEquals(make(oneHot, { count: 5 }, { city }).features, {
    city: { ...floats(5), places: [{ size: 5, ids: values }] },
  });
  assertRefused(
    oneHot,
    { count: 2 },
    { city },
    "the feature city has 3 ids, but `count` is 2",
    "remove `count`, or set it to 3 or more",
  );
});

Deno.test("one-hot has a position for the unknown id, and zeros for the padding of lists", () => {
  const known = {
    ...ids(2),
    vocabulary: ["a", "b"],
    ids: { kind: "vocabulary" as const, count: 3, name: "tags", padded: true },
  };
  const transform = make(oneHot, {}, { tags: known });
  const { vocabulary, ids: { kind, name, count } } = known;
  assertEquals(transform.features, {
    tags: {
      ...floats(2, 3),
      places: [{ size: 2 }, { size: 3, ids: { kind, name, count, vocabulary } }],
    },
  });
  const batch = batchOf(2, { tags: { values: Int32Array.of(2, -1, 0, 1), shape: [2] } });
  assertEquals(
    appliedByRows(transform, batch).features.tags!.values,
    Float32Array.of(0, 0, 1, 0, 0, 0, /**/ 1, 0, 0, 0, 1, 0),
  );
  const user = { kind: "hash" as const, name: "user", count: 5 };
  const hashed = { ...ids(), ids: { ...user, padded: false } };
  assertEquals(make(oneHot, {}, { hashed }).features, {
    hashed: { ...floats(5), places: [{ size: 5, ids: user }] },
  });
});

Deno.test("one-hot refuses ids that are out of range, and names their row", () => {
  const transform = make(oneHot, { count: 3 }, { tags: ids(2) });
  for (const id of [3, -1]) {
    const values = Int32Array.of(0, 1, 2, id);
    const error = assertThrows(
      () => applied(transform, batchOf(2, { tags: { values, shape: [2] } })),
      UserError,
      `the feature tags has the id ${id} in row 1 of a batch; expected 0 to 2`,
    );
    assertEquals(
      error.problems[0]!.hint,
      id === 3
        ? "set the number of ids: `count: 4` or more"
        : "ids are integers from 0: check the values of the column",
    );
  }
});

Deno.test("one-hot treats whole numbers as ids only if its option names the feature", () => {
  assertRefused(
    oneHot,
    { count: 3 },
    { x: floats() },
    "no feature is suitable for this transform: expected ids (int32)",
  );
  const options = { count: 3, feature: "x" };
  assertEquals(
    valuesOf(oneHot, options, floats(), Float32Array.of(1, 2)),
    Float32Array.of(0, 1, 0, 0, 0, 1),
  );
  assertEquals(
    valuesOf(oneHot, options, floats(), Uint8Array.of(0, 2)),
    Float32Array.of(1, 0, 0, 0, 0, 1),
  );
  const transform = make(oneHot, options, { x: floats() });
  assertThrows(
    () => applied(transform, batchOf(1, { x: { values: Float32Array.of(0.5), shape: [] } })),
    UserError,
    "the feature x has the id 0.5 in row 0",
  );
});

Deno.test("one-hot encodes all ids by default and does not change numbers", () => {
  const features = { city, tags: { ...ids(2), vocabulary: ["a", "b"] }, age: floats() };
  const batch = batchOf(2, {
    city: { values: Int32Array.of(0, 1), shape: [] },
    tags: { values: Int32Array.of(0, 1, 1, 1), shape: [2] },
    age: { values: Uint8Array.of(30, 40), shape: [] },
  });
  const { features: made } = appliedByRows(make(oneHot, {}, features), batch);
  assertEquals(made.city!.values, Float32Array.of(1, 0, 0, 0, 1, 0));
  assertEquals(made.tags!.values, Float32Array.of(1, 0, 0, 1, 0, 1, 0, 1));
  assertEquals(made.age, batch.features.age);
});

Deno.test("one-hot requires count if the number of ids is unknown", () => {
  assertRefused(
    oneHot,
    {},
    { tags: ids() },
    "the number of ids of the feature tags is unknown",
    "set the number of ids in this transform, such as `count: 10`",
  );
  assertRefused(oneHot, { feature: "tag", count: 2 }, { tags: ids() }, "there is no feature tag");
  assertEquals(issuesOf(oneHot, { count: 1 }).length, 1);
});
