import { defineMetric, type MetricStage, undefinedMetric, z } from "../../plugin.ts";
import { negativeLogProbability, noWeight, refuseNumber } from "./predictions.ts";

/**
 * The log loss divided by the log loss of predicting the frequencies of the classes for every row
 * (He et al. 2014, _Practical Lessons from Predicting Clicks on Ads at Facebook_, section 3):
 *
 * NE = mean(−log p_label) / −Σ_c f_c · log f_c
 *
 * f_c is the fraction of rows of class c among the rows that are measured. At 1, the net predicts
 * no better than these frequencies; lower is better. Unlike the log loss, it hardly depends on how
 * frequent the classes are. Rows count by the weights of the data if there are any. It is undefined
 * if only one class occurs.
 */
const stage: MetricStage = defineMetric({
  name: "normalized-entropy",
  summary: "The log loss, relative to that of predicting the frequencies of the classes.",
  better: "lower",
  options: z.object({}),
  example: "use: normalized-entropy",
  create(_options, { label }) {
    refuseNumber("normalized-entropy", label);
    const { classes } = label;
    return {
      start() {
        const counts = new Float64Array(classes);
        let sum = 0;
        return {
          add({ outputs: { logits }, label, weight, size }) {
            for (let row = 0; row < size; row++) {
              const own = label[row]!, counted = weight?.[row] ?? 1;
              if (counted === 0) continue;
              sum += counted * negativeLogProbability(logits, row, own);
              counts[own]! += counted;
            }
          },
          value() {
            const total = counts.reduce((sum, count) => sum + count, 0);
            if (total === 0) return undefinedMetric(noWeight);
            const present = counts.filter((count) => count > 0);
            if (present.length === 1) return undefinedMetric("one class");
            // Σ −log f over the rows, as `sum` is Σ −log p.
            const base = present.reduce((sum, count) => sum - count * Math.log(count / total), 0);
            return sum / base;
          },
        };
      },
    };
  },
});
export default stage;
