import { defineMetric, type MetricStage, undefinedMetric, z } from "../../plugin.ts";
import { GroupedScores, hasNoRank } from "./groups.ts";
import { areaUnderCurve, byOption, noRank, refuseNotTwoClasses } from "./scores.ts";

/**
 * The AUC within each user's impressions, averaged over users with their impressions as weights
 * (Rocket Launching, equation 8; Zhu et al. 2017, _Optimized Cost per Click in Taobao Display
 * Advertising_):
 *
 * GAUC = Σᵤ impressionsᵤ · AUCᵤ / Σᵤ impressionsᵤ
 *
 * The sums cover the users that have rows of both classes; other users have no AUC. `users` and
 * `rows` are the fractions of users and rows that count. It is undefined if there is no such user,
 * or a score is NaN. It is exact in any order of rows; ten million rows need 80 MB.
 */
const stage: MetricStage = defineMetric({
  name: "gauc",
  summary: "The AUC within each user's rows, averaged with the number of rows as the weight.",
  options: z.object({ by: byOption }),
  example: "use: gauc\nby: user",
  create({ by }, { label }) {
    refuseNotTwoClasses("gauc", label);
    return {
      start() {
        const scores = new GroupedScores(by);
        return {
          add: (batch) => scores.add(batch),
          value() {
            let sum = 0, rows = 0, users = 0, allRows = 0, allUsers = 0, broken = false;
            for (const group of scores.groups()) {
              broken ||= hasNoRank(group);
              const { positives, negatives } = group;
              const impressions = positives.length + negatives.length;
              allUsers++;
              allRows += impressions;
              if (positives.length === 0 || negatives.length === 0) continue;
              sum += impressions * areaUnderCurve(positives, negatives);
              users++;
              rows += impressions;
            }
            const gauc = broken
              ? undefinedMetric(noRank)
              : users === 0
              ? undefinedMetric(`no ${by} has both classes`)
              : sum / rows;
            const part = (some: number, all: number) =>
              all === 0 ? undefinedMetric("no rows") : some / all;
            return { "": gauc, users: part(users, allUsers), rows: part(rows, allRows) };
          },
        };
      },
    };
  },
});
export default stage;
