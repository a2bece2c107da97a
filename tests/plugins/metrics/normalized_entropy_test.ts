import { assertAlmostEquals, assertEquals } from "@std/assert";
import { undefinedMetric } from "../../../plugin.ts";
import normalizedEntropy from "../../../plugins/metrics/normalized_entropy.ts";
import { checkStage } from "../../../testing.ts";
import { binaryLabel, classLabel, numberLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { referenceClicks } from "./clicks.ts";
import { makeMetric, measure } from "./support.ts";

Deno.test("normalized-entropy fulfills the contract of a metric", () =>
  checkStage(normalizedEntropy));

Deno.test("normalized-entropy is scikit-learn's log loss over that of the base rate, also weighted", async () => {
  const { measured, weight, expected, sizes } = await referenceClicks();
  const two = { ...measured, light: measured.light.map(([logit]) => [1, 1 + logit!]) };
  for (const [label, rows] of [[binaryLabel, measured], [classLabel(2), two]] as const) {
    const value = measure(normalizedEntropy, label, rows, { sizes });
    assertAlmostEquals(value as number, expected.normalizedEntropy, 1e-5);
    const weighted = measure(normalizedEntropy, label, { ...rows, weight }, { sizes });
    assertAlmostEquals(weighted as number, expected.weightedNormalizedEntropy, 1e-5);
  }
});

Deno.test("normalized-entropy is 1 for a net that predicts the frequencies of the classes", () => {
  const rows = { light: [1, 2, 3, 4].map(() => [Math.log(1), Math.log(1), Math.log(2)]) };
  const value = measure(normalizedEntropy, classLabel(3), { ...rows, label: [2, 0, 2, 1] });
  assertAlmostEquals(value as number, 1, 1e-7);
});

Deno.test("normalized-entropy of 200,000 classes is the formula's, for equal logits and two labels", () => {
  const classes = 200_000, logits = Array<number>(classes).fill(1);
  const rows = { light: [logits, logits], label: [3, 199_999] };
  const value = measure(normalizedEntropy, classLabel(classes), rows);
  assertAlmostEquals(value as number, Math.log(classes) / Math.log(2), 1e-9);
});

Deno.test("normalized-entropy is undefined for one class and without weight", () => {
  const rows = { light: [[1], [2]], label: [1, 0] };
  const weighted = (...weight: number[]) =>
    measure(normalizedEntropy, binaryLabel, { ...rows, weight });
  assertEquals(
    measure(normalizedEntropy, binaryLabel, { ...rows, label: [1, 1] }),
    undefinedMetric("one class"),
  );
  assertEquals(weighted(0, 2), undefinedMetric("one class"));
  assertEquals(weighted(0, 0), undefinedMetric("all weights are 0"));
});

Deno.test("normalized-entropy is better if it is lower, and refuses labels that are numbers", () => {
  assertEquals(normalizedEntropy.better, { "": "lower" });
  assertRefuses(
    () => makeMetric(normalizedEntropy, numberLabel),
    "normalized-entropy needs classes; the label is a number",
    "use mean-absolute-error",
  );
});
