import { defineMetric, type MetricStage, undefinedMetric, z } from "../../plugin.ts";
import { negativeLogProbability, noWeight, refuseNumber } from "./predictions.ts";

/**
 * The mean of −log p, where p is the probability that the net predicts for a row's class: the
 * sigmoid of one logit, or the softmax of several. It is computed from logits, so no probability
 * is rounded to 0. Rows count by the weights of the data if there are any.
 */
const stage: MetricStage = defineMetric({
  name: "log-loss",
  summary: "The mean negative logarithm of the probability of each row's class.",
  better: "lower",
  options: z.object({}),
  example: "use: log-loss",
  create(_options, { label }) {
    refuseNumber("log-loss", label);
    return {
      start() {
        let sum = 0, total = 0;
        return {
          add({ outputs: { logits }, label, weight, size }) {
            for (let row = 0; row < size; row++) {
              const counted = weight?.[row] ?? 1;
              if (counted === 0) continue;
              sum += counted * negativeLogProbability(logits, row, label[row]!);
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
