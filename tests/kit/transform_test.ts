import {
  type ApplyContext,
  type Batch,
  type ColumnSpec,
  defineTransform,
  tf,
  type Transform,
  type TransformStage,
  UserError,
  z,
} from "../../plugin.ts";
import { checkStage } from "../../testing.ts";
import { assertBroken, named } from "./support.ts";

function transform(
  apply: (batch: Batch, context: ApplyContext) => Batch,
  rest: Partial<Transform> = {},
): TransformStage {
  return defineTransform({
    ...named,
    options: z.object({}),
    create: (_options, { features }) => ({ features, apply, ...rest }),
  });
}

/** Changes the values of the only feature. */
function change(batch: Batch, map: (value: number) => number): Batch {
  const { values, shape } = batch.features.image!;
  return { ...batch, features: { image: { values: Float32Array.from(values, map), shape } } };
}

Deno.test("checkStage() passes transforms that keep their contract", async () => {
  await checkStage(transform((batch) => batch));
  await checkStage(transform((batch, { random }) => change(batch, (x) => x + random.uniform())));
});

Deno.test("checkStage() passes a transform that measures", async () => {
  const stage = defineTransform({
    ...named,
    options: z.object({}),
    create(_options, { features }) {
      let most = NaN;
      return {
        features,
        async measure(batches) {
          let most = 0;
          for await (const { features } of batches) {
            for (const value of features.image!.values) most = Math.max(most, Math.abs(value));
          }
          return { most };
        },
        restore: (measured) => most = (measured as { most: number }).most,
        apply: (batch) => change(batch, (value) => value / most),
      };
    },
  });
  await checkStage(stage);
});

Deno.test("checkStage() lets a transform choose its features", async () => {
  const stage = defineTransform({
    ...named,
    options: z.object({}),
    create(_options, { features }) {
      const wrong = Object.values(features).some(({ shape }) => shape.length !== 3);
      if (wrong) throw new UserError("only for images");
      return { features, apply: (batch) => batch };
    },
  });
  await checkStage(stage);
  await assertBroken(stage, ["accepts at least one", "only for images"], {
    features: { image: { shape: [3], dtype: "float32" } },
  });
});

Deno.test("checkStage() finds a transform that writes into its input", async () => {
  await assertBroken(
    transform((batch) => {
      batch.features.image!.values[0] = 17;
      return batch;
    }),
    ["does not change its inputs (they may be views of a file)"],
  );
  await assertBroken(
    transform((batch) => {
      const features = batch.features as Record<string, Batch["label"]>;
      features.image = { ...features.image!, values: features.image!.values.slice() };
      return batch;
    }),
    ["it changed the batch"],
  );
});

Deno.test("checkStage() finds features that are not as described", async () => {
  const image: ColumnSpec = { shape: [2], dtype: "float32" };
  await assertBroken(transform((batch) => batch, { features: { image } }), [
    "returns the features that it describes",
    "its description has [2]",
  ]);
  await assertBroken(transform((batch) => ({ ...batch, features: {} })), ["but returned none"]);
  await assertBroken(
    transform((batch) => {
      const { values, shape } = batch.features.image!;
      return { ...batch, features: { image: { values: values.subarray(1), shape } } };
    }),
    ["image has 63 values; 1 × [8, 8, 1] are 64"],
  );
  await assertBroken(
    transform((batch) => {
      const { values, shape } = batch.features.image!;
      return { ...batch, features: { image: { values: Int32Array.from(values), shape } } };
    }),
    ["image is float32 in a Int32Array"],
  );
});

Deno.test("checkStage() finds a transform that drops rows or changes labels", async () => {
  await assertBroken(transform((batch) => ({ ...batch, size: batch.size - 1 })), [
    "keeps all rows and their labels",
    "it returned 0 rows",
  ]);
  await assertBroken(
    transform((batch) => {
      const label = { ...batch.label, values: batch.label.values.map(() => 2) };
      return { ...batch, label };
    }),
    ["it changed the labels"],
  );
});

Deno.test("checkStage() finds random numbers that are not from the context, and stored state", async () => {
  await assertBroken(transform((batch) => change(batch, (value) => value + Math.random())), [
    "returns the same rows for the same random numbers",
  ]);
  let calls = 0;
  await assertBroken(transform((batch) => change(batch, (value) => value + calls++)), [
    "image differs",
  ]);
});

Deno.test("checkStage() finds a transform that returns NaN", async () => {
  await assertBroken(transform((batch) => change(batch, Math.log)), ["returns finite numbers"]);
});

Deno.test("checkStage() finds measured values that do not survive JSON", async () => {
  const measuring = (measured: unknown) =>
    transform((batch) => batch, { measure: () => Promise.resolve(measured), restore() {} });
  await assertBroken(measuring({ mean: new Float32Array(3) }), ["returns plain JSON"]);
  await assertBroken(measuring({ least: -Infinity }), ["returns plain JSON"]);
  await assertBroken(measuring(undefined === null ? 0 : new Map([["mean", 1]])), ["plain JSON"]);
  await assertBroken(transform((batch) => batch, { measure: () => Promise.resolve(1) }), [
    "has both measure() and restore(), or neither",
    "it has no restore()",
  ]);
});

Deno.test("checkStage() finds a transform that does not restore its statistics", async () => {
  const stage = defineTransform({
    ...named,
    options: z.object({}),
    create(_options, { features }) {
      let mean = 0;
      return {
        features,
        async measure(batches) {
          for await (const batch of batches) mean = batch.features.image!.values[0]!;
          return {};
        },
        restore() {},
        apply: (batch) => change(batch, (value) => value - mean),
      };
    },
  });
  await assertBroken(stage, ["differs from another instance of the stage"]);
});

Deno.test("checkStage() finds a graph() that does not compute what apply() does", async () => {
  const half = (batch: Batch) => change(batch, (value) => value / 2);
  await checkStage(transform(half, {
    graph: ({ image }, { numbers }) => ({ image: tf.mul(image!, numbers(0.5)) }),
  }));
  await assertBroken(
    transform(half, { graph: ({ image }) => ({ image: tf.mul(image!, 0.51) }) }),
    ["computes the same in graph() as in apply()", "image differs by 2.0e-2 of its values"],
  );
  await assertBroken(
    transform(half, { graph: () => ({}) }),
    ["computes the same in graph() as in apply()", "image is nothing; expected float32"],
  );
});
