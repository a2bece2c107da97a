import { assertAlmostEquals, assertEquals } from "@std/assert";
import { undefinedMetric } from "../../../plugin.ts";
import agreement from "../../../plugins/metrics/agreement.ts";
import { checkStage } from "../../../testing.ts";
import { readMetricsReference } from "../../reference/fixtures.ts";
import { referenceUniform } from "../../reference/values.ts";
import { binaryLabel, classLabel, numberLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { makeMetric, measure, rowsOf } from "./support.ts";

Deno.test("agreement fulfills the contract of a metric", () => checkStage(agreement));

Deno.test("agreement agrees with scikit-learn, in batches of any size", async () => {
  const { classification: { rows, classes, ...expected } } = await readMetricsReference();
  const logits = (net: string) =>
    rowsOf(referenceUniform(`metrics/${net}`, [rows, classes], -3, 3), classes);
  const label = Array<number>(rows).fill(0);
  const measured = { light: logits("light"), booster: logits("booster"), label };
  for (const sizes of [[rows], [16, 16, 8], [1, rows - 1]]) {
    const value = measure(agreement, classLabel(classes), measured, { sizes });
    assertAlmostEquals(value as number, expected.agreement, 1e-6);
  }
});

Deno.test("agreement is measured once for both nets, if a run has both", () => {
  assertEquals([agreement.per, agreement.better, agreement.needs], [
    "run",
    { "": "higher" },
    "both",
  ]);
});

Deno.test("agreement does not depend on the label", () => {
  const light = [[2, 1], [1, 2], [2, 1], [0, 0]], booster = [[9, 0], [0, 9], [0, 9], [1, 1]];
  for (const label of [[0, 0, 0, 0], [1, 1, 1, 1]]) {
    assertEquals(measure(agreement, classLabel(2), { light, booster, label }), 0.75);
  }
});

Deno.test("agreement predicts the label 1 if a single logit is above 0", () => {
  const light = [[0.1], [-5], [0], [1]], booster = [[9], [-0.1], [-1], [0]];
  assertEquals(measure(agreement, binaryLabel, { light, booster, label: [0, 0, 0, 0] }), 0.75);
});

Deno.test("agreement counts a row with NaN logits as disagreement, even if both nets have them", () => {
  const light = [[NaN, NaN], [NaN, 1], [1, 0], [1, 0]];
  const booster = [[NaN, NaN], [1, 0], [NaN, 0], [1, 0]];
  assertEquals(measure(agreement, classLabel(2), { light, booster, label: [0, 0, 0, 0] }), 0.25);
});

Deno.test("agreement is undefined for no rows", () => {
  const none = { light: [], booster: [], label: [] };
  assertEquals(measure(agreement, classLabel(2), none, { sizes: [] }), undefinedMetric("no rows"));
});

Deno.test("agreement refuses a label that is a number", () => {
  assertRefuses(
    () => makeMetric(agreement, numberLabel),
    "agreement needs classes; the label is a number",
    "use mean-absolute-error",
  );
});
