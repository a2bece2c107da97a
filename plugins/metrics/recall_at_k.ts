import { defineMetric, type MetricStage, undefinedMetric, z } from "../../plugin.ts";
import { type Group, GroupedScores, hasNoRank } from "./groups.ts";
import { byOption, noRank, refuseNotTwoClasses } from "./scores.ts";

/**
 * The fraction of each user's positive rows that are among the user's k rows with the highest scores, averaged
 * over the users that have a positive row, each counted once. Rows with equal scores share the
 * remaining places: if one of two equal scores is among the k, each counts half. It is undefined
 * without positive rows, or if a score is NaN.
 */
const stage: MetricStage = defineMetric({
  name: "recall-at-k",
  summary:
    "The fraction of each user's positive rows that are among the user's k rows with the highest scores.",
  options: z.object({
    by: byOption,
    k: z.int().positive().default(10).describe(
      "The number of rows with the highest scores to consider for each user.",
    ),
  }),
  example: "use: recall-at-k\nby: user\nk: 10\nname: recall-at-10",
  create({ by, k }, { label }) {
    refuseNotTwoClasses("recall-at-k", label);
    return {
      start() {
        const scores = new GroupedScores(by);
        return {
          add: (batch) => scores.add(batch),
          value() {
            let sum = 0, users = 0;
            for (const group of scores.groups()) {
              if (hasNoRank(group)) return undefinedMetric(noRank);
              if (group.positives.length === 0) continue;
              sum += recallOf(group, k);
              users++;
            }
            return users === 0 ? undefinedMetric("no positive row") : sum / users;
          },
        };
      },
    };
  },
});
export default stage;

/** Yields all rows of one score at a time, from the highest score down. */
function recallOf({ positives, negatives }: Group, k: number): number {
  let positive = positives.length, negative = negatives.length, left = k, found = 0;
  while (left > 0 && positive + negative > 0) {
    const score = Math.max(
      positives[positive - 1] ?? -Infinity,
      negatives[negative - 1] ?? -Infinity,
    );
    const before = [positive, negative] as const;
    while (positive > 0 && positives[positive - 1] === score) positive--;
    while (negative > 0 && negatives[negative - 1] === score) negative--;
    const equal = before[0] - positive + before[1] - negative;
    found += (before[0] - positive) * Math.min(1, left / equal);
    left -= equal;
  }
  return found / positives.length;
}
