import {
  defineTransform,
  hint,
  rowOfBatch,
  tf,
  type TransformStage,
  UserError,
  z,
} from "../../plugin.ts";
import { changeNumbers, changeTensors, featureOption } from "./features.ts";

/**
 * The natural logarithm of `offset` + x, for numbers that range over orders of magnitude: counts,
 * prices, times. With the offset 1, 0 stays 0.
 */
const stage: TransformStage = defineTransform({
  name: "log",
  summary: "Takes the logarithm of numbers, after adding 1 by default.",
  options: z.object({
    offset: z.number().nonnegative({ error: "expected at least 0" }).default(1).describe(
      "The number to add before taking the logarithm.",
    ),
    feature: featureOption,
  }),
  example: "use: log\nfeature: price",
  create({ offset, feature }, { features }) {
    const numbers = changeNumbers(features, feature);
    return {
      features: numbers.features,
      apply: (batch, context) =>
        numbers.change(batch, ({ values, shape }, name) => {
          const logarithms = context.numbers(values.length);
          for (let index = 0; index < values.length; index++) {
            const sum = offset + values[index]!;
            if (sum <= 0) {
              const row = Math.floor(index * batch.size / values.length);
              throw new UserError(
                `the feature ${name} has ${values[index]} in ${
                  rowOfBatch(row)
                }, but log(${sum}) is not a finite number`,
                {
                  row,
                  hint: hint("log/offset", `write an \`offset\` of more than ${-values[index]!}`, {
                    set: { offset: 1 - values[index]! },
                  }),
                },
              );
            }
            logarithms[index] = Math.log(sum);
          }
          return { values: logarithms, shape };
        }),
      graph: (tensors, context) =>
        changeTensors(
          tensors,
          numbers.names,
          (tensor) => tf.log(tf.add(tensor, context.numbers(offset))),
        ),
    };
  },
});
export default stage;
