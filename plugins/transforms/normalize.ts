import {
  type ColumnSpec,
  defineTransform,
  hint,
  tf,
  type Transform,
  type TransformStage,
  UserError,
  type Values,
  z,
} from "../../plugin.ts";
import { changeNumbers, changeTensors, featureOption, sizeOf } from "./features.ts";

const means = z.union([z.number(), z.array(z.number()).min(1)], {
  error: "expected a number, or a list of them",
});

const deviation = z.number().nonnegative({ error: "expected at least 0" });

const deviations = z.union([deviation, z.array(deviation).min(1)], {
  error: "expected a number, or a list of them",
});

const measuredSchema = z.record(
  z.string(),
  z.object({ mean: z.array(z.number()), std: z.array(deviation) }),
);

/** The mean and standard deviation of a feature, one number per group. */
type Moments = z.output<typeof measuredSchema>[string];

/**
 * Subtracts the mean and divides by the standard deviation. Both are given, or measured on the
 * training rows (population standard deviation). Values that do not vary, with a standard
 * deviation of 0, are divided by 1 and become 0.
 */
const stage: TransformStage = defineTransform({
  name: "normalize",
  summary:
    "Subtracts the mean and divides by the standard deviation. These are options, or are measured on the training rows.",
  options: z.object({
    mean: means.optional().describe(
      "The mean: one number, or one per channel (or value). By default, it is measured " +
        "on the training rows.",
    ),
    std: deviations.optional().describe("The standard deviation, in the same form as `mean`."),
    per: z.enum(["channel", "value", "all"]).default("channel").describe(
      "Which values share a mean and a standard deviation. channel: the values of a channel (the last dimension). value: the values at the same position of all rows. all: all values of the feature.",
    ),
    feature: featureOption,
  }).refine(({ mean, std }) => (mean === undefined) === (std === undefined), {
    error: "expected mean and std, or neither of them",
  }),
  example: `use: normalize
mean: [125.3, 123.0, 113.9]
std: [63.0, 62.1, 66.7]`,
  create({ mean, std, per, feature }, { features }) {
    const { names, change, features: changed } = changeNumbers(features, feature);
    const groups = Object.fromEntries(
      names.map((name) => [name, groupCount(features[name]!, per)]),
    );
    const given = mean !== undefined && std !== undefined
      ? Object.fromEntries(
        names.map((name) => [name, givenMoments(name, features[name]!, mean, std)]),
      )
      : undefined;
    let known: Record<string, Moments> | undefined = given;
    const momentsOf = (name: string): Moments => {
      if (!known) {
        throw new Error("the transform has no statistics: call measure() and restore() first");
      }
      return known[name]!;
    };
    const base: Transform = {
      features: changed,
      apply: (batch, context) =>
        change(batch, ({ values, shape }, name) => ({
          values: normalized(values, momentsOf(name), context.numbers(values.length)),
          shape,
        })),
      graph: (tensors, { numbers }) =>
        changeTensors(tensors, names, (tensor, name) => {
          const { mean, std } = momentsOf(name), { shape } = features[name]!;
          // One number, one per channel, which is the last axis, or one per value.
          const axes = mean.length === 1 ? [] : mean.length === shape.at(-1) ? mean.length : shape;
          const of = (values: readonly number[]) => numbers(values, [axes].flat());
          return tf.mul(tf.sub(tensor, of(mean)), of(factorsOf(std)));
        }),
    };
    if (given) return base;
    return {
      ...base,
      async measure(batches) {
        const measuring = names.map((name) => ({
          name,
          moments: new RunningMoments(groups[name]!),
        }));
        for await (const batch of batches) {
          for (const { name, moments } of measuring) moments.add(batch.features[name]!.values);
        }
        return Object.fromEntries(measuring.map(({ name, moments }) => [name, moments.result()]));
      },
      restore(measured) {
        const moments = measuredSchema.parse(measured);
        for (const name of names) {
          const count = groups[name], { mean = [], std = [] } = moments[name] ?? {};
          if (mean.length === count && std.length === count) continue;
          throw new UserError(
            `expected ${count} means and standard deviations in the stored statistics of the feature ${name}`,
          );
        }
        known = moments;
      },
    };
  },
});
export default stage;

/** The number of groups of a feature that have their own mean and deviation. */
function groupCount({ shape }: ColumnSpec, per: "channel" | "value" | "all"): number {
  if (per === "all") return 1;
  return per === "value" ? sizeOf(shape) : shape.at(-1) ?? 1;
}

function givenMoments(
  name: string,
  { shape }: ColumnSpec,
  mean: number | number[],
  std: number | number[],
): Moments {
  const channels = shape.at(-1) ?? 1, size = sizeOf(shape);
  const lists = { mean: [mean].flat(), std: [std].flat() };
  const count = Math.max(lists.mean.length, lists.std.length);
  for (const [option, list] of Object.entries(lists)) {
    if ([1, channels, size].includes(list.length) && [1, count].includes(list.length)) continue;
    throw new UserError(
      `${option} has ${list.length} numbers; the feature ${name} has ${channels} channels`,
      {
        hint: hint(
          "normalize/count",
          `its shape is [${shape.join(", ")}]: give one number, one per channel, or one per value`,
          { set: { [option]: 1 } },
        ),
        exitCode: 2,
      },
    );
  }
  const spread = (list: number[]) => list.length === count ? list : Array(count).fill(list[0]);
  return { mean: spread(lists.mean), std: spread(lists.std) };
}

/** Values that do not vary are divided by 1. */
const factorsOf = (std: readonly number[]) => std.map((std) => 1 / (std || 1));

/** Writes normalized values to an array of the same length. */
function normalized(values: Values, { mean, std }: Moments, result: Values): Values {
  const groups = mean.length;
  const factors = factorsOf(std);
  for (let group = 0; group < groups; group++) {
    const middle = mean[group]!, factor = factors[group]!;
    for (let index = group; index < values.length; index += groups) {
      result[index] = (values[index]! - middle) * factor;
    }
  }
  return result;
}

/** Means and deviations that are updated batch by batch (Chan, Golub and LeVeque, 1979). */
class RunningMoments {
  readonly #mean: Float64Array;
  /** The sums of squared distances from the mean. */
  readonly #squares: Float64Array;
  #count = 0;

  constructor(groups: number) {
    this.#mean = new Float64Array(groups);
    this.#squares = new Float64Array(groups);
  }

  add(values: Values): void {
    if (values.length === 0) return;
    const groups = this.#mean.length;
    const count = values.length / groups, all = this.#count + count;
    for (let group = 0; group < groups; group++) {
      // Differences from one of the values are exactly 0 if all values are equal, so that the
      // standard deviation is exactly 0, too.
      const near = values[group]!;
      let sum = 0, squares = 0;
      for (let index = group; index < values.length; index += groups) sum += values[index]! - near;
      const mean = near + sum / count;
      for (let index = group; index < values.length; index += groups) {
        squares += (values[index]! - mean) ** 2;
      }
      const distance = mean - this.#mean[group]!;
      this.#mean[group]! += distance * (count / all);
      this.#squares[group]! += squares + distance ** 2 * this.#count * count / all;
    }
    this.#count = all;
  }

  result(): Moments {
    return {
      mean: [...this.#mean],
      std: Array.from(this.#squares, (squares) => Math.sqrt(squares / this.#count)),
    };
  }
}
