import {
  type Column,
  defineMetric,
  type MetricStage,
  undefinedMetric,
  type Values,
  z,
} from "../../plugin.ts";
import { negativeLogProbability, noWeight, refuseNumber } from "./predictions.ts";

/**
 * The mean of −log p, where p is the probability that the net predicts for a row's class: the
 * sigmoid of one logit, or the softmax of several. It is computed from logits, so no probability
 * is rounded to 0. Rows count by the weights of the data if there are any.
 *
 * If the label is of kind `multi-label`, the value of a row is the mean over its classes of −log p,
 * where p is the probability that the net predicts for the row having the class, or not having it.
 */
const stage: MetricStage = defineMetric({
  name: "log-loss",
  summary: "The mean negative logarithm of the probability of each row's class.",
  better: "lower",
  multiLabel: true,
  options: z.object({}),
  example: "use: log-loss",
  create(_options, { label }) {
    refuseNumber("log-loss", label);
    const { kind, classes } = label;
    const lossOf = kind === "multi-label" ? meanLogLoss(classes) : negativeLogProbabilityOf;
    return {
      start() {
        let sum = 0, total = 0;
        return {
          add({ outputs: { logits }, label, weight, size }) {
            for (let row = 0; row < size; row++) {
              const counted = weight?.[row] ?? 1;
              if (counted === 0) continue;
              sum += counted * lossOf(logits, row, label);
              total += counted;
            }
          },
          value: () => total === 0 ? undefinedMetric(noWeight) : sum / total,
        };
      },
    };
  },
});
export default stage;

const negativeLogProbabilityOf = (logits: Column, row: number, label: Values) =>
  negativeLogProbability(logits, row, label[row]!);

/** Returns a function that computes the mean over the classes of a row of a multi-label label. */
function meanLogLoss(classes: number) {
  return ({ values }: Column, row: number, label: Values) => {
    const own: Column = { values, shape: [1] };
    let sum = 0;
    for (let at = row * classes; at < (row + 1) * classes; at++) {
      sum += negativeLogProbability(own, at, label[at]!);
    }
    return sum / classes;
  };
}
