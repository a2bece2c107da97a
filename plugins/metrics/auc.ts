import { defineMetric, type MetricStage, UserError, z } from "../../plugin.ts";
import { rowOf } from "./predictions.ts";

/**
 * The area under the ROC curve: the chance that a positive row scores above a negative one, ties counted half. Exact, by ranks (Mann and
 * Whitney, 1947). The score is the logit, or with two classes the second's logit less the first's. NaN where only one of the classes occurs, or
 * a score is NaN.
 */
const stage: MetricStage = defineMetric({
  name: "auc",
  summary: "The area under the ROC curve, exact.",
  options: z.object({}),
  example: "use: auc",
  create(_options, { label }) {
    if (label.kind === "number" || label.classes !== 2) {
      throw new UserError(
        label.kind === "number"
          ? "auc needs two classes; the label is a number"
          : `auc needs two classes; the label has ${label.classes}`,
        { hint: "use accuracy or top-k" },
      );
    }
    return {
      start() {
        const scores: number[] = [], labels: number[] = [];
        return {
          add({ outputs, label, size }) {
            for (let row = 0; row < size; row++) {
              const [first, second] = rowOf(outputs.logits, row);
              scores.push(second === undefined ? first! : second - first!);
              labels.push(label[row]!);
            }
          },
          value: () => areaUnderCurve(scores, labels),
        };
      },
    };
  },
});
export default stage;

/** The area by the sum of the positive rows' ranks; equal scores share the mean of their ranks. */
function areaUnderCurve(scores: readonly number[], labels: readonly number[]): number {
  // What is not a number has no rank.
  if (scores.some(Number.isNaN)) return NaN;
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[a]! - scores[b]!);
  let rankSum = 0, positives = 0;
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && scores[order[end]!] === scores[order[start]!]) end++;
    const rank = (start + 1 + end) / 2;
    for (const row of order.subarray(start, end)) {
      if (labels[row] !== 1) continue;
      rankSum += rank;
      positives++;
    }
    start = end;
  }
  const negatives = order.length - positives;
  return (rankSum - positives * (positives + 1) / 2) / (positives * negatives);
}
