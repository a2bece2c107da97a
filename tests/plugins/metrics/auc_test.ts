import { assertAlmostEquals, assertEquals } from "@std/assert";
import auc from "../../../plugins/metrics/auc.ts";
import { undefinedMetric } from "../../../plugin.ts";
import { checkStage } from "../../../testing.ts";
import { binaryLabel, classLabel, numberLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { measuredRanks, rankedScores } from "./ranks.ts";
import { makeMetric, measure } from "./support.ts";

/** The area for one logit a row. */
const areaOf = (scores: number[], label: number[]) =>
  measure(auc, binaryLabel, { light: scores.map((score) => [score]), label });

Deno.test("auc fulfills the contract of a metric", () => checkStage(auc));

Deno.test("auc agrees with scikit-learn, for one logit and for two, in batches of any size", async () => {
  for (const { label, scores, expected, name } of await rankedScores()) {
    for (const value of measuredRanks(auc, label, scores)) {
      assertAlmostEquals(value, expected.auc, 1e-6, name);
    }
  }
});

Deno.test("auc is measured for each net, and higher is better", () => {
  assertEquals([auc.per, auc.better, auc.needs], ["net", { "": "higher" }, "light"]);
});

Deno.test("auc is the fraction of pairs in the right order, where ties count half", () => {
  // Positives 3 and 1 against negatives 2 and 1: above, above, below, equal.
  assertEquals(areaOf([3, 2, 1, 1], [1, 0, 1, 0]), (1 + 1 + 0 + 0.5) / 4);
  assertEquals(areaOf([1, 1, 2, 3], [0, 1, 0, 1]), (1 + 1 + 0 + 0.5) / 4);
});

Deno.test("auc of two logits depends only on their difference", () => {
  const light = [[100, 103], [-50, -48], [7, 8], [0, 1]];
  assertEquals(measure(auc, classLabel(2), { light, label: [1, 0, 1, 0] }), 2.5 / 4);
});

Deno.test("auc ranks infinite logits first or last, as ties", () => {
  assertEquals(areaOf([Infinity, 1, 2, -Infinity], [1, 0, 1, 0]), 1);
  assertEquals(areaOf([Infinity, Infinity], [1, 0]), 0.5);
});

Deno.test("auc is undefined for a single class and for no rows", () => {
  const none = undefinedMetric("one class");
  assertEquals(areaOf([1, 2, 3], [1, 1, 1]), none);
  assertEquals(areaOf([1, 2, 3], [0, 0, 0]), none);
  assertEquals(measure(auc, binaryLabel, { light: [], label: [] }, { sizes: [] }), none);
});

Deno.test("auc is undefined if any score is NaN", () => {
  const broken = undefinedMetric("a score is not a number");
  const label = [1, 0, 1, 0];
  for (let row = 0; row < 4; row++) {
    assertEquals(areaOf([4, 1, 3, 2].with(row, NaN), label), broken);
  }
  const light = [[0, 1], [Infinity, Infinity], [2, 0], [0, 0]];
  assertEquals(measure(auc, classLabel(2), { light, label }), broken);
});

Deno.test("auc refuses labels without exactly two classes", () => {
  assertRefuses(
    () => makeMetric(auc, classLabel(3)),
    "auc needs two classes; the label has 3",
    "use accuracy or top-k",
  );
  assertRefuses(
    () => makeMetric(auc, numberLabel),
    "auc needs two classes; the label is a number",
    "use mean-absolute-error",
  );
});
