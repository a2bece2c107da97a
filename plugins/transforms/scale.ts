import { defineTransform, tf, type TransformStage, z } from "../../plugin.ts";
import { changeNumbers, changeTensors, featureOption } from "./features.ts";

/** Multiplies a feature by a number and adds another one: value · by + offset. */
const stage: TransformStage = defineTransform({
  name: "scale",
  summary: "Multiplies values by a number, and then adds another number.",
  options: z.object({
    by: z.number({ error: "expected a number, such as 0.0625 for 1/16" }).describe("The factor."),
    offset: z.number().default(0).describe("The number to add after the multiplication."),
    feature: featureOption,
  }),
  example: `use: scale
by: 0.0625`,
  create({ by, offset, feature }, { features }) {
    const numbers = changeNumbers(features, feature);
    return {
      features: numbers.features,
      apply: (batch, context) =>
        numbers.change(batch, ({ values, shape }) => {
          const scaled = context.numbers(values.length);
          for (let index = 0; index < scaled.length; index++) {
            scaled[index] = values[index]! * by + offset;
          }
          return { values: scaled, shape };
        }),
      graph: (tensors, context) =>
        changeTensors(
          tensors,
          numbers.names,
          (tensor) => tf.add(tf.mul(tensor, context.numbers(by)), context.numbers(offset)),
        ),
    };
  },
});
export default stage;
