import { defineMetric, type EvaluatedBatch, type MetricStage, z } from "../../plugin.ts";
import { meanOver, refuseClasses, rowOf } from "./predictions.ts";

/**
 * The root of the mean squared difference between the output and the label (RMSE), in the label's
 * unit: √(mean((z − y)²)).
 */
const stage: MetricStage = defineMetric({
  name: "root-mean-squared-error",
  summary: "The root of the mean squared difference between the output and the label (RMSE).",
  better: "lower",
  options: z.object({}),
  example: "use: root-mean-squared-error\nname: rmse",
  create(_options, { label }) {
    refuseClasses("root-mean-squared-error", label);
    return {
      start() {
        const mean = meanOver(({ outputs, label }: EvaluatedBatch, row) =>
          (rowOf(outputs.logits, row)[0]! - label[row]!) ** 2
        );
        return {
          add: mean.add,
          value() {
            const value = mean.value();
            return typeof value === "number" ? Math.sqrt(value) : value;
          },
        };
      },
    };
  },
});
export default stage;
