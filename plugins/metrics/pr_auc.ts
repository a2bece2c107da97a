import { defineMetric, type MetricStage, z } from "../../plugin.ts";
import { averagePrecision, rankedScores, refuseNotTwoClasses } from "./scores.ts";
import { averageOption, overClasses, refuseAverage } from "./multi_label.ts";

/**
 * The area under the precision-recall curve, as average precision: AP = Σₙ (Rₙ − Rₙ₋₁) · Pₙ. Pₙ and
 * Rₙ are precision and recall if rows with a score of at least the n-th highest different score
 * count as positive. It is scikit-learn's `average_precision_score`, which does not interpolate.
 * Its value for random scores is the fraction of positive rows, so it shows differences that the
 * AUC hides if positive rows are rare. The score is that of the metric `auc`. It is undefined if
 * only one class occurs, or a score is NaN.
 *
 * If the label is of kind `multi-label`, it is measured for each class, and averaged over the
 * classes for which it is defined, or it is measured for all classes of all rows together; see
 * `average`.
 *
 * It is exact in any order of rows. Ten million rows of one logit need 40 MB, and twice that while
 * they are sorted.
 */
const stage: MetricStage = defineMetric({
  name: "pr-auc",
  summary: "The exact area under the precision-recall curve, as average precision.",
  multiLabel: true,
  options: z.object({ average: averageOption }),
  example: "use: pr-auc",
  create({ average }, { label }) {
    refuseAverage("pr-auc", average, label);
    const start = () => rankedScores(averagePrecision);
    if (label.kind === "multi-label") {
      return { start: () => overClasses(label.classes, average ?? "macro", start) };
    }
    refuseNotTwoClasses("pr-auc", label);
    return { start };
  },
});
export default stage;
