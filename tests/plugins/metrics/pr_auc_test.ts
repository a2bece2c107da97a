import { assertAlmostEquals, assertEquals } from "@std/assert";
import prAuc from "../../../plugins/metrics/pr_auc.ts";
import { undefinedMetric } from "../../../plugin.ts";
import { checkStage } from "../../../testing.ts";
import { binaryLabel, classLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { measuredRanks, rankedScores } from "./ranks.ts";
import { makeMetric, measure } from "./support.ts";

/** The average precision for one logit a row. */
const precisionOf = (scores: number[], label: number[]) =>
  measure(prAuc, binaryLabel, { light: scores.map((score) => [score]), label });

Deno.test("pr-auc fulfills the contract of a metric", () => checkStage(prAuc));

Deno.test("pr-auc agrees with scikit-learn's average precision, for one logit and for two", async () => {
  for (const { label, scores, expected, name } of await rankedScores()) {
    for (const value of measuredRanks(prAuc, label, scores)) {
      assertAlmostEquals(value, expected.averagePrecision, 1e-6, name);
    }
  }
});

Deno.test("pr-auc is measured for each net, and higher is better", () => {
  assertEquals([prAuc.per, prAuc.better, prAuc.needs], ["net", { "": "higher" }, "light"]);
});

Deno.test("pr-auc adds the precision at each recall, where tied rows count together", () => {
  // By falling score: positive; negative; a tie of a positive and a negative.
  assertEquals(precisionOf([3, 2, 1, 1], [1, 0, 1, 0]), 0.5 * 1 + 0.5 * 2 / 4);
  assertEquals(precisionOf([Infinity, 1, 2, -Infinity], [1, 0, 0, 1]), 0.5 * 1 + 0.5 * 2 / 4);
});

Deno.test("pr-auc is undefined where the metric auc is", () => {
  const none = undefinedMetric("one class");
  assertEquals(precisionOf([1, 2], [1, 1]), none);
  assertEquals(precisionOf([1, 2], [0, 0]), none);
  assertEquals(precisionOf([], []), none);
  assertEquals(precisionOf([1, NaN], [1, 0]), undefinedMetric("a score is not a number"));
});

Deno.test("pr-auc refuses labels without exactly two classes", () => {
  assertRefuses(
    () => makeMetric(prAuc, classLabel(3)),
    "pr-auc needs two classes; the label has 3",
    "use accuracy or top-k",
  );
});
