import {
  defineMetric,
  hint,
  type MetricStage,
  undefinedMetric,
  UserError,
  z,
} from "../../plugin.ts";
import { noWeight, rowOf } from "./predictions.ts";

/**
 * The mean of −log p, where p is the probability that the net predicts for a row's class: the
 * sigmoid of one logit, or the softmax of several. It is computed from logits, so no probability
 * is rounded to 0. Rows count by the weights of the data if there are any.
 */
const stage: MetricStage = defineMetric({
  name: "log-loss",
  summary: "The mean negative logarithm of the probability of each row's class.",
  better: "lower",
  options: z.object({}),
  example: "use: log-loss",
  create(_options, { label }) {
    if (label.kind === "number") {
      throw new UserError("log-loss needs classes; the label is a number", {
        hint: hint("log-loss/number", "use mean-absolute-error", {
          set: { use: "mean-absolute-error" },
        }),
      });
    }
    return {
      start() {
        let sum = 0, total = 0;
        return {
          add({ outputs: { logits }, label, weight, size }) {
            for (let row = 0; row < size; row++) {
              const own = rowOf(logits, row), counted = weight?.[row] ?? 1;
              if (counted === 0) continue;
              sum += counted *
                (own.length === 1
                  ? softplus(label[row] === 1 ? -own[0]! : own[0]!)
                  : logSumExp(own) - own[label[row]!]!);
              total += counted;
            }
          },
          value: () => total === 0 ? undefinedMetric(noWeight) : sum / total,
        };
      },
    };
  },
});
export default stage;

/** log(1 + eˣ). */
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

function logSumExp(logits: ArrayLike<number> & Iterable<number>): number {
  const greatest = Math.max(...logits);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - greatest);
  return greatest + Math.log(sum);
}
