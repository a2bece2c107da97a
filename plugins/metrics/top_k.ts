import { defineMetric, hint, type MetricStage, UserError, z } from "../../plugin.ts";
import { meanOver, rowOf } from "./predictions.ts";

/**
 * The fraction of rows whose class is among the k most probable classes. Of classes with equal
 * logits, the first ones come first. A row with a NaN logit has no most probable classes.
 */
const stage: MetricStage = defineMetric({
  name: "top-k",
  summary: "The fraction of rows whose class is among the k most probable classes.",
  options: z.object({
    k: z.int().positive().default(5).describe("The number of most probable classes to consider."),
  }),
  example: "use: top-k\nk: 5\nname: top-5",
  create({ k }, { label }) {
    if (label.kind !== "class" || k >= label.classes) {
      throw new UserError(
        label.kind === "class"
          ? `top-k with k = ${k} is always 1 for ${label.classes} classes`
          : `top-k needs classes; the label is ${label.kind}`,
        {
          hint: label.kind === "class"
            ? hint("top-k/k", `write \`k: ${label.classes - 1}\` or less`, {
              set: { k: label.classes - 1 },
            })
            : label.kind === "binary"
            ? hint("top-k/binary", "use auc", { set: { use: "auc" } })
            : hint("top-k/number", "use mean-absolute-error", {
              set: { use: "mean-absolute-error" },
            }),
        },
      );
    }
    return {
      start: () =>
        meanOver(({ outputs, label }, row) => {
          const logits = rowOf(outputs.logits, row), own = label[row]!;
          if (logits.some(Number.isNaN)) return 0;
          let before = 0;
          logits.forEach((logit, index) => {
            if (logit > logits[own]! || (logit === logits[own] && index < own)) before++;
          });
          return Number(before < k);
        }),
    };
  },
});
export default stage;
