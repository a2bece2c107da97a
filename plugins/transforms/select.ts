import { type Batch, defineTransform, type TransformStage, z } from "../../plugin.ts";
import { featureNamed } from "./features.ts";

/** Keeps the listed features and drops all others, after earlier transforms have used them. */
const stage: TransformStage = defineTransform({
  name: "select",
  summary: "Keeps the listed features and drops all others.",
  options: z.object({
    features: z.array(z.string(), { error: "expected a list of features" }).min(1).describe(
      "The features to keep, in this order.",
    ),
  }),
  example: `use: select
features: [image]`,
  create({ features: names }, { features }) {
    const select = <T>(byName: Readonly<Record<string, T>>) =>
      Object.fromEntries(names.map((name) => [name, byName[name]!]));
    return {
      features: Object.fromEntries(names.map((name) => [name, featureNamed(features, name)])),
      apply: (batch: Batch) => ({ ...batch, features: select(batch.features) }),
      graph: select,
    };
  },
});
export default stage;
