import { defineMetric, hint, type MetricStage, UserError, z } from "../../plugin.ts";
import { meanOver, rowOf } from "./predictions.ts";

/** The mean absolute difference between the output and the label, in the label's unit. */
const stage: MetricStage = defineMetric({
  name: "mean-absolute-error",
  summary: "The mean absolute difference between the output and the label.",
  better: "lower",
  options: z.object({}),
  example: "use: mean-absolute-error",
  create(_options, { label }) {
    if (label.kind !== "number") {
      throw new UserError(
        `mean-absolute-error needs a label of kind number; this label has the kind ${label.kind}`,
        {
          hint: hint("mean-absolute-error/class", "use accuracy", { set: { use: "accuracy" } }),
        },
      );
    }
    return {
      start: () =>
        meanOver(({ outputs, label }, row) =>
          Math.abs(rowOf(outputs.logits, row)[0]! - label[row]!)
        ),
    };
  },
});
export default stage;
