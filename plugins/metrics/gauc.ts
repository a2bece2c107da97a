import { defineMetric, type MetricStage, z } from "../../plugin.ts";
import { GroupedScores, hasNoRank } from "./groups.ts";
import { areaUnderCurve, byOption, refuseNotTwoClasses } from "./scores.ts";

/**
 * The AUC within each user's impressions, averaged over users with their impressions as weights (Rocket Launching, equation 8; Zhu et al. 2017,
 * _Optimized Cost per Click in Taobao Display Advertising_):
 *
 * GAUC = Σᵤ impressionsᵤ · AUCᵤ / Σᵤ impressionsᵤ
 *
 * over the users that have rows of both classes; others have no AUC and are left out of both sums. NaN where there is no such user, or a score is
 * NaN. Exact, in any order of rows; ten million rows are kept in 80 MB.
 */
const stage: MetricStage = defineMetric({
  name: "gauc",
  summary: "The AUC within each user's rows, averaged with their numbers of rows as weights.",
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
            let sum = 0, rows = 0;
            for (const group of scores.groups()) {
              if (hasNoRank(group)) return NaN;
              const { positives, negatives } = group;
              if (positives.length === 0 || negatives.length === 0) continue;
              const impressions = positives.length + negatives.length;
              sum += impressions * areaUnderCurve(positives, negatives);
              rows += impressions;
            }
            return sum / rows;
          },
        };
      },
    };
  },
});
export default stage;
