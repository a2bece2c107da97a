import { assertEquals, assertThrows } from "@std/assert";
import {
  assertNear,
  assertSummary,
  readLossesReference,
  readMetricsReference,
  readOptimizersReference,
  readWideResnetReference,
  referenceBatch,
  referenceLogits,
  type Sharing,
} from "./fixtures.ts";
import { checksum, referenceValues, sampleIndices } from "./values.ts";

for (const sharing of ["interval", "bottom", "none"] satisfies Sharing[]) {
  Deno.test(`referenceValues() equals the values in Python bit for bit for nets with sharing ${sharing}`, async () => {
    const { variables } = await readWideResnetReference(sharing);
    for (const [name, { shape, checksum: expected }] of Object.entries(variables)) {
      assertEquals(checksum(referenceValues(name, shape)), expected, name);
    }
  });

  Deno.test(`referenceBatch() equals the batch in Python bit for bit for nets with sharing ${sharing}`, async () => {
    const reference = await readWideResnetReference(sharing);
    for (const index of [0, 9, "evaluation"] as const) {
      const { image, label } = referenceBatch(reference, index);
      const name = index === "evaluation" ? index : `batch${index}` as const;
      assertEquals(checksum(image), reference.batches[name].image, name);
      assertEquals([...label], reference.batches[name].label, name);
    }
  });
}

Deno.test("referenceValues() names a variable for which it has no formula", () => {
  assertThrows(() => referenceValues("light/gain", [3]), Error, "light/gain");
});

Deno.test("readWideResnetReference() returns exact zeros where a gradient policy blocks", async () => {
  const { block, pass, own } = await readWideResnetReference("interval");
  assertEquals(block.firstStep.gradientNorms.hint.booster, 0);
  assertEquals(pass.firstStep.gradientNorms.hint.booster > 0, true);
  assertEquals(block.firstStep.gradientNorms.hint.shared > 0, true);
  assertEquals(own?.firstStep.gradientNorms.hint.shared, 0);
  assertEquals(own?.firstStep.gradientNorms.ceLight.shared, 0);
});

Deno.test("readWideResnetReference() returns a gradient for each trainable variable", async () => {
  const { variables, block } = await readWideResnetReference("bottom");
  const trainable = Object.keys(variables).filter((name) => variables[name]!.trainable);
  assertEquals(Object.keys(block.firstStep.gradients).toSorted(), trainable.toSorted());
  assertEquals(Object.keys(block.momentum.variables).toSorted(), Object.keys(variables).toSorted());
});

Deno.test("referenceLogits() returns the logits from which the losses were computed", async () => {
  const { units5 } = await readLossesReference();
  const { rows, hint } = units5!["range3"]!;
  const from = referenceLogits("from", 5, 3, rows), to = referenceLogits("to", 5, 3, rows);
  const squares = from.reduce((sum, value, index) => sum + (value - to[index]!) ** 2, 0);
  assertNear("mse-hint", [squares / rows], [hint["mse-hint"]!.value], 1e-5);
});

Deno.test("readOptimizersReference() returns ten steps per optimizer and twenty learning rates per schedule", async () => {
  const { optimizers, schedules } = await readOptimizersReference();
  for (const { runs } of Object.values(optimizers)) {
    for (const { steps } of Object.values(runs)) assertEquals(steps.length, 10);
  }
  for (const { rates } of Object.values(schedules)) assertEquals(rates.length, 20);
});

Deno.test("readMetricsReference() returns the known AUC of extreme scores", async () => {
  const { ranked: { perfect, constant, reversed } } = await readMetricsReference();
  assertEquals([perfect.auc, constant.auc, reversed.auc], [1, 0.5, 0]);
});

Deno.test("assertNear() throws on a difference above the tolerance", () => {
  assertNear("numbers", [1, 2.0001], [[1], [2]]);
  assertThrows(() => assertNear("numbers", [1, 2.0003], [[1], [2]]), Error, "numbers[1]");
  assertThrows(() => assertNear("numbers", [1], [1, 2]), Error, "1 numbers");
  assertThrows(() => assertNear("numbers", [Number.NaN], [1]), Error, "NaN");
});

Deno.test("assertSummary() throws if the norm, the sum or a sample differs", () => {
  const values = [3, -4, 0, 0, 0, 0, 0, 0];
  const samples = sampleIndices(8).map((index) => values[index]!);
  const summary = { norm: 5, sum: -1, samples };
  assertSummary("tensor", values, summary);
  assertThrows(() => assertSummary("tensor", values, { ...summary, norm: 5.1 }), Error, "norm of");
  assertThrows(() => assertSummary("tensor", values, { ...summary, sum: 7 }), Error, "sum of");
  assertThrows(
    () => assertSummary("tensor", values, { ...summary, samples: samples.map((x) => x + 1) }),
    Error,
    "tensor[",
  );
});
