import { defineMetric, type MetricStage, undefinedMetric, z } from "../../plugin.ts";
import { noWeight } from "./predictions.ts";

/**
 * The mean of each loss term by its name, before its weight. Batches count by their rows, or by
 * the weights of their rows.
 */
const stage: MetricStage = defineMetric({
  name: "loss",
  summary: "The mean of each loss term before it is multiplied by its weight.",
  per: "run",
  better: "lower",
  values: "several",
  options: z.object({}),
  example: "use: loss",
  create: () => ({
    start() {
      const sums = new Map<string, number>();
      let rows = 0;
      return {
        add({ losses, size, weight }) {
          let counted = weight ? 0 : size;
          for (const one of weight ?? []) counted += one;
          for (const [name, loss] of Object.entries(losses)) {
            sums.set(name, (sums.get(name) ?? 0) + loss * counted);
          }
          rows += counted;
        },
        value: () =>
          Object.fromEntries(
            [...sums].map((
              [name, sum],
            ) => [name, rows === 0 ? undefinedMetric(noWeight) : sum / rows]),
          ),
      };
    },
  }),
});
export default stage;
