import { assertEquals } from "@std/assert";
import loss from "../../../plugins/metrics/loss.ts";
import { checkStage } from "../../../testing.ts";
import { binaryLabel, classLabel, numberLabel } from "../../support/labels.ts";
import { makeMetric } from "./support.ts";

/** Measures batches, of which the metric sees the size and the means of the loss terms. */
function measureBatches(...batches: readonly [size: number, losses: Record<string, number>][]) {
  const accumulator = makeMetric(loss, classLabel(2)).start();
  const outputs = { logits: { values: new Float32Array(), shape: [2] } };
  for (const [size, losses] of batches) {
    accumulator.add({
      size,
      outputs,
      nets: { light: outputs },
      label: new Int32Array(size),
      losses,
      columns: {},
    });
  }
  return accumulator.value();
}

Deno.test("loss fulfills the contract of a metric", () => checkStage(loss));

Deno.test("loss is the mean of each term, with batches weighted by their rows", () => {
  const value = measureBatches(
    [3, { "cross-entropy(light)": 1, hint: 8 }],
    [1, { "cross-entropy(light)": 5, hint: 0 }],
  );
  assertEquals(value, { "cross-entropy(light)": 2, hint: 6 });
  // The same rows, at once and one by one.
  assertEquals(measureBatches([4, { "cross-entropy(light)": 2, hint: 6 }]), value);
  const one = { "cross-entropy(light)": 1, hint: 8 };
  assertEquals(
    measureBatches([1, one], [1, { "cross-entropy(light)": 5, hint: 0 }], [1, one], [1, one]),
    value,
  );
});

Deno.test("loss is measured once for both nets, with or without a booster, and lower is better", () => {
  assertEquals([loss.per, loss.better, loss.needs], ["run", { "*": "lower" }, "light"]);
});

Deno.test("loss reports a term that is not finite without affecting other terms", () => {
  const value = measureBatches([1, { a: NaN, b: 1, c: Infinity }], [1, { a: 1, b: 3, c: 1 }]);
  assertEquals(value, { a: NaN, b: 2, c: Infinity });
});

Deno.test("loss has no terms for no rows", () => {
  assertEquals(measureBatches(), {});
});

Deno.test("loss accepts all kinds of labels", () => {
  for (const label of [classLabel(3), binaryLabel, numberLabel]) makeMetric(loss, label).start();
});
