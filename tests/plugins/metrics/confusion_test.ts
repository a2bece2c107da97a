import { assertAlmostEquals, assertEquals } from "@std/assert";
import { isMetricDetail, undefinedMetric } from "../../../plugin.ts";
import confusion from "../../../plugins/metrics/confusion.ts";
import { checkStage } from "../../../testing.ts";
import { readMetricsReference } from "../../reference/fixtures.ts";
import { referenceIntegers, referenceUniform } from "../../reference/values.ts";
import { binaryLabel, classLabel, numberLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { makeMetric, measure, rowsOf } from "./support.ts";

Deno.test("confusion fulfills the contract of a metric", () => checkStage(confusion));

Deno.test("confusion agrees with scikit-learn's matrix, normalized over the labels", async () => {
  const { classification: { rows, classes, ...expected } } = await readMetricsReference();
  const measured = {
    light: rowsOf(referenceUniform("metrics/light", [rows, classes], -3, 3), classes),
    label: [...referenceIntegers("metrics/label", rows, classes)],
  };
  for (const sizes of [[rows], [16, 16, 8]]) {
    const values = measure(confusion, classLabel(classes), measured, { sizes });
    const { "": wrong, ...pairs } = values as Record<string, number>;
    assertAlmostEquals(wrong!, 1 - expected.accuracy, 1e-6);
    assertEquals(Object.keys(pairs).length, classes * (classes - 1));
    for (const [pair, value] of Object.entries(pairs)) {
      const [own, other] = pair.split(" as ").map(Number);
      assertAlmostEquals(value, expected.confusion[own!]![other!]!, 1e-6, pair);
    }
  }
});

Deno.test("confusion names the classes, and its values are details of the fraction of wrong rows", () => {
  const label = { ...classLabel(2), vocabulary: ["n/a", "cat"] };
  const values = measure(confusion, label, { light: [[1, 0], [1, 0], [0, 1]], label: [0, 1, 1] });
  assertEquals(values, { "": 1 / 3, "n/a as cat": 0, "cat as n/a": 0.5 });
  const all = { "light/confusion": 0, "light/confusion/n/a as cat": 0 };
  assertEquals(Object.keys(all).map((key) => isMetricDetail(key, all)), [false, true]);
  assertEquals(confusion.better, { "": "lower", "*": "lower" });
});

Deno.test("confusion is undefined for classes without rows, and counts NaN as wrong", () => {
  assertEquals(measure(confusion, binaryLabel, { light: [[NaN], [-1]], label: [0, 0] }), {
    "": 0.5,
    "0 as 1": 0,
    "1 as 0": undefinedMetric("no row of the class"),
  });
  const none = measure(confusion, binaryLabel, { light: [], label: [] });
  assertEquals((none as Record<string, unknown>)[""], undefinedMetric("no rows"));
});

Deno.test("confusion refuses labels that are numbers, and more than ten classes", () => {
  assertRefuses(
    () => makeMetric(confusion, numberLabel),
    "confusion needs classes; the label is a number",
    "use mean-absolute-error",
  );
  assertRefuses(
    () => makeMetric(confusion, classLabel(11)),
    "confusion has a value for each pair of at most 10 classes; the label has 11 classes",
    "use accuracy",
  );
});
