import { defineMetric, type MetricStage, undefinedMetric, z } from "../../plugin.ts";
import { areaUnderCurve, noRank, refuseNotTwoClasses, scoreOf, scoresLike } from "./scores.ts";

/**
 * The area under the ROC curve: the chance that a positive row scores above a negative one, ties counted half. Exact, as Mann and Whitney (1947)
 * count it. The score is the logit, or with two classes the second's logit less the first's. Undefined where only one of the classes occurs, or
 * a score is NaN.
 *
 * Ten million rows of one logit are kept in 40 MB, and take as much again while they are sorted.
 */
const stage: MetricStage = defineMetric({
  name: "auc",
  summary: "The exact area under the ROC curve.",
  options: z.object({}),
  example: "use: auc",
  create(_options, { label }) {
    refuseNotTwoClasses("auc", label);
    return {
      start() {
        let classes: ReturnType<typeof scoresLike>[] | undefined;
        let broken = false;
        return {
          add({ outputs: { logits }, label, size }) {
            classes ??= [scoresLike(logits), scoresLike(logits)];
            for (let row = 0; row < size; row++) {
              const score = scoreOf(logits, row);
              // What is not a number has no rank.
              broken ||= Number.isNaN(score);
              classes[label[row]!]!.push(score);
            }
          },
          value() {
            if (broken) return undefinedMetric(noRank);
            if (!classes?.every(({ length }) => length > 0)) return undefinedMetric("one class");
            const [negatives, positives] = classes.map((scores) => scores.all().sort());
            return areaUnderCurve(positives!, negatives!);
          },
        };
      },
    };
  },
});
export default stage;
