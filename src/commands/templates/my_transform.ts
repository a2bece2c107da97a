import {
  defineTransform,
  type TransformStage,
  UserError,
  z,
} from "@rocket-launching/rocket/plugin";

const myTransform: TransformStage = defineTransform({
  name: "my-transform",
  summary: "Adds uniform noise to a feature while training.",
  on: "training",
  options: z.object({
    feature: z.string().describe("The feature to change."),
    by: z.number().positive().default(0.1).describe(
      "The maximum change of a value.",
    ),
  }),
  create({ feature, by }, { features }) {
    if (!features[feature]) {
      throw new UserError(`there is no feature ${feature}`, {
        hint: `the features are ${Object.keys(features).join(", ")}`,
      });
    }
    return {
      features,
      apply(batch, { random, numbers }) {
        const column = batch.features[feature]!;
        const values = numbers(column.values.length);
        column.values.forEach((value, index) => {
          values[index] = value + by * (2 * random.uniform() - 1);
        });
        return {
          ...batch,
          features: { ...batch.features, [feature]: { ...column, values } },
        };
      },
    };
  },
});
export default myTransform;
