import { defineMetric, hint, type MetricStage, UserError, z } from "../../plugin.ts";
import { meanOver, predictedClass } from "./predictions.ts";

/** The fraction of rows for which light net and booster predict the same class. */
const stage: MetricStage = defineMetric({
  name: "agreement",
  summary: "The fraction of rows for which light net and booster predict the same class.",
  per: "run",
  needs: "both",
  options: z.object({}),
  example: "use: agreement",
  create(_options, { label }) {
    if (label.kind === "number") {
      throw new UserError("agreement needs classes; the label is a number", {
        hint: hint("agreement/number", "use mean-absolute-error", {
          set: { use: "mean-absolute-error" },
        }),
      });
    }
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
