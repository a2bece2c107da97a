import { defineMetric, type MetricStage, z } from "../../plugin.ts";
import { meanOver, refuseClasses, rowOf } from "./predictions.ts";

/** The mean absolute difference between the output and the label, in the label's unit. */
const stage: MetricStage = defineMetric({
  name: "mean-absolute-error",
  summary: "The mean absolute difference between the output and the label.",
  better: "lower",
  options: z.object({}),
  example: "use: mean-absolute-error",
  create(_options, { label }) {
    refuseClasses("mean-absolute-error", label);
    return {
      start: () =>
        meanOver(({ outputs, label }, row) =>
          Math.abs(rowOf(outputs.logits, row)[0]! - label[row]!)
        ),
    };
  },
});
export default stage;
