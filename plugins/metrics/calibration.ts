import { defineMetric, type MetricStage, undefinedMetric, z } from "../../plugin.ts";
import { noWeight } from "./predictions.ts";
import { refuseNotTwoClasses, scoreOf } from "./scores.ts";

/**
 * Whether probabilities are right on average. `ratio` is the sum of predicted probabilities over the number of positive rows (predicted over
 * observed; 1 is best, above 1 the net promises too much), undefined without positive rows. `ece` is the expected calibration error (Guo et al. 2017,
 * arXiv:1706.04599, for the positive class): rows are put in bins of equal width by their probability, and the distance of a bin's mean
 * probability from its part of positive rows is averaged with the bins' rows as weights. Rows count by the data's weights where it has them.
 */
const stage: MetricStage = defineMetric({
  name: "calibration",
  summary:
    "The ratio of predicted to observed positive rows, and the expected calibration error (ECE).",
  better: "lower",
  values: "several",
  options: z.object({
    bins: z.int().positive().default(10).describe("The number of bins of equal width for the ECE."),
  }),
  example: "use: calibration\nbins: 20",
  create({ bins }, { label }) {
    refuseNotTwoClasses("calibration", label);
    return {
      start() {
        const predicted = new Float64Array(bins), observed = new Float64Array(bins);
        let total = 0;
        return {
          add({ outputs: { logits }, label, weight, size }) {
            for (let row = 0; row < size; row++) {
              const probability = 1 / (1 + Math.exp(-scoreOf(logits, row)));
              const counted = weight?.[row] ?? 1;
              // A probability of 1 belongs to the last bin, and what is no number shows in any.
              const bin = Math.min(Math.floor(probability * bins), bins - 1) || 0;
              predicted[bin]! += counted * probability;
              observed[bin]! += counted * label[row]!;
              total += counted;
            }
          },
          value() {
            const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);
            const gaps = predicted.map((value, bin) => Math.abs(value - observed[bin]!));
            const positive = sum(observed);
            return {
              ratio: positive === 0
                ? undefinedMetric("no positive row")
                : sum(predicted) / positive,
              ece: total === 0 ? undefinedMetric(noWeight) : sum(gaps) / total,
            };
          },
        };
      },
    };
  },
});
export default stage;
