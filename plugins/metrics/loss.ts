import { defineMetric, type MetricStage, undefinedMetric, z } from "../../plugin.ts";
import { noWeight } from "./predictions.ts";

/**
 * The mean of each loss term by its name, before its weight. Batches count by their rows, or by
 * the weights of their rows; for a loss with one of several labels, by the rows that have it.
 */
const stage: MetricStage = defineMetric({
  name: "loss",
  summary: "The mean of each loss term before it is multiplied by its weight.",
  per: "run",
  better: "lower",
  values: "several",
  readsLabel: false,
  options: z.object({}),
  example: "use: loss",
  create: () => ({
    start() {
      const sums = new Map<string, { readonly loss: number; readonly rows: number }>();
      return {
        add({ losses, lossWeights = {}, size, weight }) {
          let all = weight ? 0 : size;
          for (const one of weight ?? []) all += one;
          for (const [name, loss] of Object.entries(losses)) {
            const rows = lossWeights[name] ?? all, sum = sums.get(name);
            sums.set(name, {
              loss: (sum?.loss ?? 0) + loss * rows,
              rows: (sum?.rows ?? 0) + rows,
            });
          }
        },
        value: () =>
          Object.fromEntries(
            [...sums].map((
              [name, { loss, rows }],
            ) => [name, rows === 0 ? undefinedMetric(noWeight) : loss / rows]),
          ),
      };
    },
  }),
});
export default stage;
