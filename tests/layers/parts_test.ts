import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { layers, type Scope, type VariableSpec } from "../../plugin.ts";
import type { ColumnSpec } from "../../src/stages/batch.ts";
import { Forward } from "../../src/train/forward.ts";
import { DeclaredVariables } from "../../src/train/variables.ts";
import { assertNear } from "../reference/fixtures.ts";
import { referenceUniform } from "../reference/values.ts";
import { forEachEngine } from "../support/engines.ts";

/** Declares parts of a net, and computes them with values that depend on the variables' names. */
function compute<T extends tf.Tensor>(
  declare: (variables: DeclaredVariables) => (scope: Scope) => T,
  features: Record<string, tf.Tensor> = {},
): { readonly output: T; readonly values: Record<string, tf.Tensor> } {
  const variables = new DeclaredVariables(), part = declare(variables);
  const values = Object.fromEntries(
    variables.all.map((
      { name, shape },
    ) => [name, tf.tensor(referenceUniform(name, [...shape], -1, 1), [...shape])]),
  );
  let output: T | undefined;
  const light = (_: unknown, scope: Scope) => ({ logits: output = part(scope) });
  new Forward({ light }, {
    values,
    features,
    training: false,
    seed: () => tf.scalar(0, "int32"),
  }).outputs("light");
  return { output: output!, values };
}

const specsOf = (variables: DeclaredVariables) =>
  variables.all.map(({ name, shape }: VariableSpec) => `${name} [${shape}]`);

const rows = (x: tf.Tensor) => x.arraySync() as number[][];
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const dot = (a: readonly number[], b: readonly number[]) => sum(a.map((value, i) => value * b[i]!));

forEachEngine("the products of pairs are those of each pair of fields, added up", () => {
  const x = tf.tensor2d(referenceUniform("pairs", [3, 8], -1, 1), [3, 8]);
  const expected = rows(x).map((row) => {
    const fields = [0, 2, 4, 6].map((start) => row.slice(start, start + 2));
    return sum(fields.flatMap((one, i) => fields.slice(i + 1).map((other) => dot(one, other))));
  });
  const output = layers.pairProducts(x, 4);
  assertEquals(output.shape, [3, 1]);
  assertNear("pairs", output.dataSync(), expected);
});

forEachEngine(
  "the products of pairs keep their digits if a field is much larger than the others",
  () => {
    const x = tf.tensor2d([3e4, -2e4, 0.01, 0.02, 0.03, -0.01], [1, 6]);
    assertNear("pairs", layers.pairProducts(x, 3).dataSync(), [3e4 * 0.04 - 2e4 * 0.01 + 0.0001]);
  },
);

forEachEngine(
  "a cross layer multiplies its first input with a product of matrices, and adds its input",
  () => {
    const first = tf.tensor2d(referenceUniform("first", [2, 3], -1, 1), [2, 3]);
    const x = tf.tensor2d(referenceUniform("x", [2, 3], -1, 1), [2, 3]);
    const units = { width: 3, axis: "units" } as const;
    for (const rank of [undefined, 2]) {
      const { output, values } = compute((variables) => {
        const layer = layers.crossLayer(variables, "cross", units, rank, "light");
        return (scope) => layer(first, x, scope) as tf.Tensor2D;
      });
      const kernel = values["cross/kernel"] ??
        tf.matMul(values["cross/down"]!, values["cross/up"]!);
      const [columns, bias] = [rows(tf.transpose(kernel)), values["cross/bias"]!.dataSync()];
      const expected = rows(x).flatMap((row, r) =>
        row.map((value, i) => rows(first)[r]![i]! * (dot(row, columns[i]!) + bias[i]!) + value)
      );
      assertNear(`rank ${rank}`, output.dataSync(), expected);
    }
  },
);

const features: Record<string, ColumnSpec> = {
  price: { shape: [2], dtype: "float32" },
  item: {
    shape: [],
    dtype: "int32",
    ids: { kind: "count", count: 4, name: "item", padded: false },
  },
  seen: {
    shape: [2],
    dtype: "int32",
    ids: { kind: "count", count: 4, name: "item", padded: true },
  },
};
const batch = () => ({
  price: tf.tensor2d([1, -2, 0.5, 3], [2, 2]),
  item: tf.tensor1d([0, 3], "int32"),
  seen: tf.tensor2d([1, 2, 3, -1], [2, 2], "int32"),
});

forEachEngine(
  "numbers with factors are fields beside ids, each of the size of an embedding",
  () => {
    const values = batch();
    const { output, values: { "embedding/item": table, "factors/price": factors } } = compute(
      (variables) => {
        const entry = layers.embedFeatures(
          variables,
          features,
          { embedding: 3, numbers: "factors" },
          { owner: "light" },
        );
        assertEquals([entry.fields, entry.width], [4, 12]);
        assertEquals(specsOf(variables), ["embedding/item [5,3]", "factors/price [2,3]"]);
        return (scope) => entry.compute(values, scope) as tf.Tensor2D;
      },
      values,
    );
    const row = (id: number) => rows(table!)[id + 1]!, price = rows(values.price);
    const expected = [0, 1].flatMap((r) => [
      ...rows(factors!).flatMap((vector, i) => vector.map((value) => value * price[r]![i]!)),
      ...row(r === 0 ? 0 : 3),
      ...(r === 0 ? row(1).map((value, i) => (value + row(2)[i]!) / 2) : row(3)),
    ]);
    assertNear("vectors", output.dataSync(), expected);
  },
);

forEachEngine("the linear term adds up one weight for each id, and numbers times weights", () => {
  const values = batch();
  const { output, values: { "linear/embedding/item": table, "linear/factors/price": factors } } =
    compute(
      (variables) => {
        const linear = layers.linearTerm(variables, features, { seen: { pooling: "sum" } }, {
          owner: "light",
        });
        assertEquals(specsOf(variables), [
          "linear/embedding/item [5,1]",
          "linear/factors/price [2,1]",
        ]);
        return (scope) => linear(values, scope) as tf.Tensor2D;
      },
      values,
    );
  const weights = table!.dataSync(), price = factors!.dataSync();
  assertEquals(output.shape, [2, 1]);
  assertNear("linear", output.dataSync(), [
    price[0]! - 2 * price[1]! + weights[1]! + weights[2]! + weights[3]!,
    0.5 * price[0]! + 3 * price[1]! + weights[4]! + weights[4]!,
  ]);
});

Deno.test("a tower without layers has the units of its input", () => {
  const from = { width: 3, axis: { features: ["a", "b", "c"] } } as const;
  const variables = new DeclaredVariables();
  const none = layers.tower(variables, "light", from, { hidden: [], activation: "relu" }, "light");
  assertEquals([none.width, none.axis, variables.all.length], [3, from.axis, 0]);
  const two = layers.tower(
    variables,
    "light",
    from,
    { hidden: [4, 2], activation: "prelu", batchNorm: true },
    "light",
  );
  assertEquals([two.width, two.axis], [2, "units"]);
  assert(variables.all.some(({ name }) => name === "light/dense2/norm/mean"));
  // Batch norm would subtract a bias.
  assert(!variables.all.some(({ name }) => name.endsWith("/bias")));
});

Deno.test("options of features with both pooling and attention are refused", () => {
  for (const schema of [layers.featureOptions, layers.poolingOptions]) {
    assertThrows(
      () => schema.parse({ pooling: "sum", attention: { to: "item" } }),
      Error,
      "expected pooling or attention",
    );
  }
});
