import { defineMetric, type MetricStage, z } from "../../plugin.ts";
import { meanOver, predictedClass, refuseNumber } from "./predictions.ts";

/** The fraction of rows whose class is predicted correctly. */
const stage: MetricStage = defineMetric({
  name: "accuracy",
  summary: "The fraction of rows whose class is predicted correctly.",
  options: z.object({}),
  example: "use: accuracy",
  create(_options, { label }) {
    refuseNumber("accuracy", label);
    return {
      start: () =>
        meanOver(({ outputs, label }, row) =>
          Number(predictedClass(outputs.logits, row) === label[row])
        ),
    };
  },
});
export default stage;
