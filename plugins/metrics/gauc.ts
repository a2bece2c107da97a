import {
  type BootstrapSamples,
  createRandom,
  defineMetric,
  type MetricStage,
  undefinedMetric,
  z,
} from "../../plugin.ts";
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
 *
 * With `bootstrap`, `low` and `high` are the ends of a 95 % interval: the percentiles 2.5 and 97.5
 * (Efron 1979, _Bootstrap methods: another look at the jackknife_) of the GAUC of as many users,
 * drawn with replacement from those that count, together with all of their rows. The interval says
 * how much the GAUC depends on which users are in the split. It says nothing about the seed of the
 * training.
 */
const stage: MetricStage = defineMetric({
  name: "gauc",
  summary: "The AUC within each user's rows, averaged with the number of rows as the weight.",
  options: z.object({
    by: byOption,
    bootstrap: z.int().min(100).max(100_000).optional().describe(
      "The number of bootstrap samples of users for a 95 % interval, low and high; from 100 to " +
        "100,000. By default, no interval is computed.",
    ),
  }),
  example: "use: gauc\nby: user",
  create({ by, bootstrap }, { label }) {
    refuseNotTwoClasses("gauc", label);
    return {
      start() {
        const scores = new GroupedScores(by);
        let samples: BootstrapSamples | undefined;
        return {
          add: (batch) => scores.add(batch),
          value() {
            let sum = 0, rows = 0, users = 0, allRows = 0, allUsers = 0, broken = false;
            const areas: number[] = [], counts: number[] = [];
            let groups = 0x811c9dc5;
            for (const group of scores.groups()) {
              broken ||= hasNoRank(group);
              const { positives, negatives } = group;
              const impressions = positives.length + negatives.length;
              allUsers++;
              allRows += impressions;
              if (positives.length === 0 || negatives.length === 0) continue;
              const area = areaUnderCurve(positives, negatives);
              sum += impressions * area;
              if (bootstrap !== undefined) {
                areas.push(area);
                counts.push(impressions);
                // The FNV-1a hash of the users' numbers of rows of each class.
                groups = Math.imul(groups ^ positives.length, 0x01000193);
                groups = Math.imul(groups ^ negatives.length, 0x01000193);
              }
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
            samples = typeof gauc !== "number" || bootstrap === undefined ? undefined : {
              groups: `${users} ${(groups >>> 0).toString(16)}`,
              values: bootstrapMeans(areas, counts, bootstrap),
            };
            const [low, high] = samples ? interval(samples.values) : [gauc, gauc];
            return {
              "": gauc,
              ...(bootstrap !== undefined && { low: low!, high: high! }),
              users: part(users, allUsers),
              rows: part(rows, allRows),
            };
          },
          samples: () => samples,
        };
      },
    };
  },
});
export default stage;

/** The ends of a 95 % interval, as parts of the sorted bootstrap samples. */
const ENDS = [0.025, 0.975] as const;

/** The seed of the bootstrap samples. All evaluations of the same rows draw the same users. */
const SEED = 1;

/**
 * Computes a weighted mean over users for users that are drawn with replacement.
 *
 * @param values The value of each user.
 * @param weights The weight of each user.
 * @param samples The number of bootstrap samples.
 * @returns The mean of each sample.
 */
function bootstrapMeans(values: readonly number[], weights: readonly number[], samples: number) {
  const random = createRandom(SEED), last = values.length - 1;
  return Array.from({ length: samples }, () => {
    let sum = 0, all = 0;
    for (let drawn = 0; drawn <= last; drawn++) {
      const user = random.integer(0, last), weight = weights[user]!;
      sum += weight * values[user]!;
      all += weight;
    }
    return sum / all;
  });
}

/** Returns the ends of the interval of samples, with linear interpolation between samples. */
function interval(samples: readonly number[]) {
  const sorted = Float64Array.from(samples).sort();
  return ENDS.map((part) => {
    const position = part * (sorted.length - 1), below = Math.floor(position);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below]! + (position - below) * (sorted[above]! - sorted[below]!);
  });
}
