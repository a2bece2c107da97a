import { defineMetric, type MetricStage, undefinedMetric, z } from "../../plugin.ts";
import { noWeight } from "./predictions.ts";
import { refuseNotTwoClasses, scoreOf } from "./scores.ts";

/**
 * Whether probabilities are correct on average. `ratio` is the sum of predicted probabilities
 * divided by the number of positive rows (predicted over observed; 1 is best, and above 1 the net
 * predicts too much). It is undefined without positive rows. `ece` is the expected calibration
 * error (Guo et al. 2017, arXiv:1706.04599, for the positive class): rows are grouped into bins of
 * equal width by their probability, and the distance between a bin's mean probability and its
 * fraction of positive rows is averaged, weighted by the rows of the bins. Rows count by the
 * weights of the data if there are any.
 */
const stage: MetricStage = defineMetric({
  name: "calibration",
  summary:
    "The ratio of predicted to observed positive rows, and the expected calibration error (ECE).",
  better: { ece: "lower" },
  values: "several",
  options: z.object({
    bins: z.int().positive().default(10).describe(
      "The number of bins of equal width for the expected calibration error.",
    ),
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
              // A probability of 1 belongs to the last bin. NaN shows in any bin.
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
