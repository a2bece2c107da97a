import { defineMetric, type MetricStage, undefinedMetric, z } from "../../plugin.ts";
import { GroupedLabels, type LabelledScores } from "./groups.ts";
import { byOption, noRank, refuseNotTwoClasses } from "./scores.ts";

/**
 * The normalized discounted cumulative gain at k (Järvelin and Kekäläinen 2002, _Cumulated
 * gain-based evaluation of IR techniques_), averaged over users, each counted once:
 *
 * DCG = Σᵢ gainᵢ / log₂(i + 1) over a user's k rows with the highest scores, i = 1 … k
 *
 * NDCG is the DCG divided by that of the best order. The gain of a row is its label, 0 or 1 for two
 * classes; with `gain: exponential`, it is 2^label − 1 (Burges et al. 2005). Rows with equal scores
 * share the mean of their discounts, as in scikit-learn's `ndcg_score`. Users with a
 * single row or without a positive label have no NDCG; `users` and `rows` are the fractions of users
 * and rows that count. It is
 * undefined if there is no such user, a label is negative, or a score is NaN.
 */
const stage: MetricStage = defineMetric({
  name: "ndcg",
  summary: "The normalized discounted cumulative gain of each user's rows, averaged over users.",
  options: z.object({
    by: byOption,
    k: z.int().positive().optional().describe(
      "The number of rows with the highest scores to consider for each user. By default, all.",
    ),
    gain: z.enum(["linear", "exponential"]).default("linear").describe(
      "The gain of a row. linear: its label. exponential: 2^label − 1.",
    ),
  }),
  example: "use: ndcg\nby: user\nk: 10\nname: ndcg-10",
  create({ by, k = Infinity, gain }, { label }) {
    if (label.kind !== "number") refuseNotTwoClasses("ndcg", label);
    const gainOf = gain === "linear" ? (label: number) => label : (label: number) => 2 ** label - 1;
    return {
      start() {
        const rows = new GroupedLabels(by);
        return {
          add: (batch) => rows.add(batch),
          value() {
            let sum = 0, users = 0, allUsers = 0, own = 0, allRows = 0;
            let problem: string | undefined;
            for (const group of rows.groups()) {
              allUsers++;
              allRows += group.scores.length;
              if (group.scores.some(Number.isNaN)) problem = noRank;
              if (group.labels.some((label) => !(label >= 0))) problem ??= "a label is negative";
              const gains = Float64Array.from(group.labels, gainOf);
              const best = bestGain(gains, k);
              if (problem !== undefined || best === 0 || gains.length === 1) continue;
              sum += rankedGain(group, gains, k) / best;
              users++;
              own += gains.length;
            }
            const part = (some: number, all: number) =>
              all === 0 ? undefinedMetric("no rows") : some / all;
            const value = problem !== undefined
              ? undefinedMetric(problem)
              : users === 0
              ? undefinedMetric(`no ${by} has two rows and a positive label`)
              : sum / users;
            return { "": value, users: part(users, allUsers), rows: part(own, allRows) };
          },
        };
      },
    };
  },
});
export default stage;

const discount = (position: number, k: number) => position < k ? 1 / Math.log2(position + 2) : 0;

/** The largest possible DCG. */
function bestGain(gains: Float64Array, k: number): number {
  return gains.toSorted().toReversed()
    .reduce((sum, gain, position) => sum + gain * discount(position, k), 0);
}

/** The DCG of rows in the order of their scores; equal scores share their discounts. */
function rankedGain({ scores }: LabelledScores, gains: Float64Array, k: number): number {
  const order = Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]!);
  let sum = 0;
  for (let start = 0; start < order.length && start < k;) {
    let end = start, gain = 0, discounts = 0;
    while (end < order.length && scores[order[end]!] === scores[order[start]!]) {
      gain += gains[order[end]!]!;
      discounts += discount(end++, k);
    }
    sum += gain * discounts / (end - start);
    start = end;
  }
  return sum;
}
