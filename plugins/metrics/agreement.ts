import { defineMetric, type MetricStage, z } from "../../plugin.ts";
import { meanOver, predictedClass, refuseNumber } from "./predictions.ts";

/** The fraction of rows for which light net and booster predict the same class. */
const stage: MetricStage = defineMetric({
  name: "agreement",
  summary: "The fraction of rows for which light net and booster predict the same class.",
  per: "run",
  needs: "both",
  options: z.object({}),
  example: "use: agreement",
  create(_options, { label }) {
    refuseNumber("agreement", label);
    return {
      start: () =>
        meanOver(({ nets }, row) =>
          Number(
            predictedClass(nets.light!.logits, row) === predictedClass(nets.booster!.logits, row),
          )
        ),
    };
  },
});
export default stage;
