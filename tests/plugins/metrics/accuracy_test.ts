import { assertAlmostEquals, assertEquals } from "@std/assert";
import { undefinedMetric } from "../../../plugin.ts";
import accuracy from "../../../plugins/metrics/accuracy.ts";
import { checkStage } from "../../../testing.ts";
import { readMetricsReference } from "../../reference/fixtures.ts";
import { referenceIntegers, referenceUniform } from "../../reference/values.ts";
import { binaryLabel, classLabel, numberLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { makeMetric, measure, rowsOf } from "./support.ts";

Deno.test("accuracy fulfills the contract of a metric", () => checkStage(accuracy));

Deno.test("accuracy agrees with scikit-learn, in batches of any size", async () => {
  const { classification: { rows, classes, ...expected } } = await readMetricsReference();
  const measured = {
    light: rowsOf(referenceUniform("metrics/light", [rows, classes], -3, 3), classes),
    label: [...referenceIntegers("metrics/label", rows, classes)],
  };
  for (const sizes of [[rows], [16, 16, 8], [1, rows - 1]]) {
    const value = measure(accuracy, classLabel(classes), measured, { sizes });
    assertAlmostEquals(value as number, expected.accuracy, 1e-6);
  }
});

Deno.test("accuracy is measured for each net, and higher is better", () => {
  assertEquals([accuracy.per, accuracy.better, accuracy.needs], ["net", {
    "": "higher",
    "per-class": "higher",
  }, "light"]);
});

Deno.test("accuracy predicts the first of several equal logits", () => {
  const light = [[1, 1, 0], [0, 2, 2], [0, 0, 0], [3, 1, 3]];
  assertEquals(measure(accuracy, classLabel(3), { light, label: [0, 1, 0, 0] }), 1);
  assertEquals(measure(accuracy, classLabel(3), { light, label: [1, 2, 2, 2] }), 0);
});

Deno.test("accuracy predicts the label 1 if a single logit is above 0", () => {
  const light = [[0.1], [-0.1], [0], [-0], [30], [-30]];
  assertEquals(measure(accuracy, binaryLabel, { light, label: [1, 0, 0, 0, 1, 0] }), 1);
  assertEquals(measure(accuracy, binaryLabel, { light, label: [0, 1, 1, 1, 0, 1] }), 0);
});

Deno.test("accuracy accepts infinite logits", () => {
  const light = [[0, Infinity], [-Infinity, 0], [-Infinity, Infinity]];
  assertEquals(measure(accuracy, classLabel(2), { light, label: [1, 1, 1] }), 1);
});

Deno.test("accuracy counts a row with a logit that is NaN as wrong, whatever its class", () => {
  const light = [[NaN, NaN], [NaN, NaN], [NaN, 1], [1, NaN], [2, 1]];
  assertEquals(measure(accuracy, classLabel(2), { light, label: [0, 1, 1, 0, 0] }), 0.2);
  const one = { light: [[NaN], [NaN], [1], [-1]], label: [0, 1, 1, 0] };
  assertEquals(measure(accuracy, binaryLabel, one), 0.5);
});

Deno.test("accuracy is undefined for no rows", () => {
  assertEquals(
    measure(accuracy, classLabel(3), { light: [], label: [] }),
    undefinedMetric("no rows"),
  );
  assertEquals(
    measure(accuracy, classLabel(3), { light: [], label: [] }, { sizes: [] }),
    undefinedMetric("no rows"),
  );
});

Deno.test("accuracy refuses a label that is a number", () => {
  assertRefuses(
    () => makeMetric(accuracy, numberLabel),
    "accuracy needs classes; the label is a number",
    "use mean-absolute-error",
  );
});
