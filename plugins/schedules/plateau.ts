import {
  defineSchedule,
  hint,
  type Measured,
  type ScheduleStage,
  UserError,
  z,
} from "../../plugin.ts";

/**
 * The learning rate is multiplied by a factor each time a metric has not improved for a number of
 * evaluations, as in `torch.optim.lr_scheduler.ReduceLROnPlateau` (without its `eps`). A value is
 * an improvement if it is better than the best one so far by more than the threshold: with
 * `relative`, by the fraction `threshold` of the best value, else by `threshold` itself. The metric
 * says whether higher or lower values are better. An evaluation in which the metric has no value is
 * no improvement. After a change of the learning rate, evaluations without improvement are not
 * counted during the next `cooldown` evaluations.
 *
 * The benchmarks of BARS lower the learning rate of click models in this way (Zhu et al., 2022,
 * arXiv:2205.09626).
 */
const stage: ScheduleStage = defineSchedule({
  name: "plateau",
  summary: "Lowers the learning rate each time a metric has stopped improving.",
  options: z.object({
    metric: z.string().min(1).optional().describe(
      "The metric that must improve, such as `light/auc`, on the validation split, or on the test " +
        "split if there is none. By default, the metric that selects the best epoch. A light net " +
        "trained alone has no metrics of the booster; with such a metric, its learning rate stays " +
        "constant.",
    ),
    patience: z.int().positive().describe(
      "The number of successive evaluations without improvement after which the learning rate " +
        "changes. PyTorch's `patience` is one less.",
    ),
    factor: z.number().positive().lt(1).default(0.1).describe(
      "The factor that multiplies the learning rate.",
    ),
    threshold: z.number().min(0).default(1e-4).describe(
      "The minimum improvement. A value counts as better only if it improves by more than this.",
    ),
    relative: z.boolean().default(true).describe(
      "Whether `threshold` is a fraction of the best value so far.",
    ),
    cooldown: z.int().min(0).default(0).describe(
      "The number of evaluations after a change during which evaluations without improvement are " +
        "not counted.",
    ),
    to: z.number().min(0).max(1).default(0).describe(
      "The lowest learning rate, as a fraction of the configured one.",
    ),
  }),
  example: "use: plateau\npatience: 2\nfactor: 0.1",
  create({ metric, patience, factor, threshold, relative, cooldown, to }) {
    return ({ measured }) => {
      const watched = measured && watch(measured, metric);
      if (!watched) return 1;
      // Without a value, every value is better.
      let best: number | undefined, without = 0, cooling = 0, now = 1;
      for (const value of watched.values) {
        if (value !== null && (best === undefined || gain(value, best) > 0)) {
          best = value;
          without = 0;
        } else without++;
        if (cooling > 0) {
          cooling--;
          without = 0;
        }
        if (without < patience) continue;
        now = Math.max(now * factor, to);
        cooling = cooldown;
        without = 0;
      }
      return now;

      /** Returns by how much more than the threshold a value is better. */
      function gain(value: number, best: number): number {
        return watched!.better === "lower"
          ? (relative ? best * (1 - threshold) : best - threshold) - value
          : value - (relative ? best * (1 + threshold) : best + threshold);
      }
    };
  },
});
export default stage;

/** Finds the values of a metric; undefined if the nets that it belongs to are not computed. */
function watch(
  { better, select, values }: Measured,
  metric: string | undefined,
): { better: "higher" | "lower"; values: readonly (number | null)[] } | undefined {
  const key = metric ?? select, names = Object.keys(better);
  if (key === undefined) {
    throw new UserError("the schedule plateau requires a metric, but this run measures none", {
      exitCode: 2,
      hint: hint("plateau/none", "add a metric, such as `metrics: [accuracy]`", {
        set: { "/metrics": ["accuracy"] },
      }),
    });
  }
  const direction = better[key];
  if (direction) return { better: direction, values: values[key] ?? [] };
  const [net] = key.split("/");
  if (!names.some((name) => name.startsWith(`${net}/`)) && /^(light|booster)\//.test(key)) {
    return undefined;
  }
  throw new UserError(
    `the schedule plateau cannot watch ${JSON.stringify(key)}: this run has no such metric`,
    {
      exitCode: 2,
      hint: hint(
        "plateau/metric",
        `the metrics are ${names.join(", ")}: write \`metric: ${names[0]}\``,
        {
          set: { metric: names[0] },
        },
      ),
    },
  );
}
