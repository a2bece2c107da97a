import {
  type ColumnSpec,
  defineTransform,
  hint,
  notNumbers,
  rowOfBatch,
  tf,
  type TransformStage,
  UserError,
  z,
} from "../../plugin.ts";
import {
  changeColumns,
  changeSpecs,
  changeTensors,
  chooseFeatures,
  featureOption,
  sizeOf,
} from "./features.ts";

/**
 * Changes the type that the nets receive: numbers (float32) or ids (int32). Fractions are
 * truncated. Ids that represent values, such as those of text, do not become numbers, because
 * their order has no meaning.
 */
const stage: TransformStage = defineTransform({
  name: "cast",
  summary: "Converts int32 to float32, or float32 to int32.",
  options: z.object({
    dtype: z.enum(["float32", "int32"], { error: "expected float32 or int32" }).describe(
      "The new type of the values. Conversion to int32 truncates fractions.",
    ),
    feature: featureOption,
  }),
  example: `use: cast
dtype: float32
feature: age`,
  create({ dtype, feature }, { features }) {
    const names = feature === undefined
      ? chooseFeatures(features, undefined, {
        problem: (spec) => spec.dtype === dtype ? `is ${dtype}` : ofValues(spec),
        wanted: `a feature that is not ${dtype} yet`,
      })
      : chooseFeatures(features, feature, {
        problem: (spec) => dtype === "float32" ? ofValues(spec) : undefined,
        wanted: "numbers; to convert ids to numbers, use `one-hot`",
      });
    return {
      features: changeSpecs(features, names, ({ shape, vocabulary, places }) => ({
        shape,
        dtype,
        ...(dtype === "int32" && { vocabulary }),
        ...(places && { places }),
      })),
      apply: (batch, context) =>
        changeColumns(batch, names, ({ values, shape }, name) => {
          if (dtype === "float32") {
            const numbers = context.numbers(values.length);
            numbers.set(values);
            return { values: numbers, shape };
          }
          const ids = new Int32Array(values);
          const lost = ids.findIndex((id, index) => id !== Math.trunc(values[index]!));
          if (lost < 0) return { values: ids, shape };
          const row = Math.floor(lost / sizeOf(shape));
          throw new UserError(
            `the feature ${name} has ${values[lost]} in ${
              rowOfBatch(row)
            }, which is outside the range of int32`,
            {
              row,
              hint: hint(
                "cast/int32",
                "int32 holds integers from −2,147,483,648 to 2,147,483,647: remove the cast, or use scale " +
                  "or another transform before it",
                { remove: ["."] },
              ),
            },
          );
        }),
      graph: (tensors) => changeTensors(tensors, names, (tensor) => tf.cast(tensor, dtype)),
    };
  },
});
export default stage;

/** The problem with ids that represent values, if any. */
const ofValues = (spec: ColumnSpec) =>
  spec.vocabulary || spec.ids ? notNumbers("", spec)?.holds : undefined;
