import { defineMetric, hint, type MetricStage, UserError, z } from "../../plugin.ts";
import { meanOver, predictedClass } from "./predictions.ts";

/** The fraction of rows whose class is predicted correctly. */
const stage: MetricStage = defineMetric({
  name: "accuracy",
  summary: "The fraction of rows whose class is predicted correctly.",
  options: z.object({}),
  example: "use: accuracy",
  create(_options, { label }) {
    if (label.kind === "number") {
      throw new UserError("accuracy needs classes; the label is a number", {
        hint: hint("accuracy/number", "use mean-absolute-error", {
          set: { use: "mean-absolute-error" },
        }),
      });
    }
    return {
      start: () =>
        meanOver(({ outputs, label }, row) =>
          Number(predictedClass(outputs.logits, row) === label[row])
        ),
    };
  },
});
export default stage;
