import { defineMetric, type MetricStage, z } from "../../plugin.ts";
import { areaUnderCurve, rankedScores, refuseNotTwoClasses } from "./scores.ts";
import { averageOption, overClasses, refuseAverage } from "./multi_label.ts";

/**
 * The area under the ROC curve: the probability that a positive row has a higher score than a
 * negative row, with ties counted half. It is exact, by the statistic of Mann and Whitney (1947).
 * The score is the logit, or with two classes the second logit minus the first. It is undefined if
 * only one class occurs, or a score is NaN.
 *
 * If the label is of kind `multi-label`, it is measured for each class, and averaged over the
 * classes for which it is defined, or it is measured for all classes of all rows together; see
 * `average`.
 *
 * Ten million rows of one logit need 40 MB, and twice that while they are sorted.
 */
const stage: MetricStage = defineMetric({
  name: "auc",
  summary: "The exact area under the ROC curve.",
  multiLabel: true,
  options: z.object({ average: averageOption }),
  example: "use: auc",
  create({ average }, { label }) {
    refuseAverage("auc", average, label);
    const start = () => rankedScores(areaUnderCurve);
    if (label.kind === "multi-label") {
      return { start: () => overClasses(label.classes, average ?? "macro", start) };
    }
    refuseNotTwoClasses("auc", label);
    return { start };
  },
});
export default stage;
