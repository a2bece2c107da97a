import { defineMetric, type MetricStage, z } from "../../plugin.ts";
import { areaUnderCurve, rankedScores, refuseNotTwoClasses } from "./scores.ts";

/**
 * The area under the ROC curve: the probability that a positive row has a higher score than a
 * negative row, with ties counted half. It is exact, by the statistic of Mann and Whitney (1947).
 * The score is the logit, or with two classes the second logit minus the first. It is undefined if
 * only one class occurs, or a score is NaN.
 *
 * Ten million rows of one logit need 40 MB, and twice that while they are sorted.
 */
const stage: MetricStage = defineMetric({
  name: "auc",
  summary: "The exact area under the ROC curve.",
  options: z.object({}),
  example: "use: auc",
  create(_options, { label }) {
    refuseNotTwoClasses("auc", label);
    return { start: () => rankedScores(areaUnderCurve) };
  },
});
export default stage;
