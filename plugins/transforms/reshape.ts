import { defineTransform, tf, type TransformStage, z } from "../../plugin.ts";
import {
  changeColumns,
  changeSpecs,
  changeTensors,
  chooseFeatures,
  featureOption,
  sizeOf,
} from "./features.ts";

const length = z.int({ error: "expected a whole number" }).refine(
  (length) => length > 0 || length === -1,
  { error: "expected at least 1, or -1 for the remaining values" },
);

/** Changes the shape of a row's values and keeps their order. Nothing is copied. */
const stage: TransformStage = defineTransform({
  name: "reshape",
  summary: "Changes the shape of a row's values.",
  options: z.object({
    shape: z.array(length).refine(
      (shape) => shape.filter((length) => length === -1).length <= 1,
      { error: "expected at most one -1" },
    ).describe(
      "The new shape of one row, such as [28, 28, 1]. One length may be -1, which is " +
        "computed from the number of values.",
    ),
    feature: featureOption,
  }),
  example: `use: reshape
shape: [28, 28, 1]`,
  create({ shape, feature }, { features }) {
    const names = chooseFeatures(features, feature, {
      problem: (spec) =>
        completed(shape, sizeOf(spec.shape))
          ? undefined
          : `has ${sizeOf(spec.shape)} values per row, which do not match [${shape.join(", ")}]`,
      wanted: `a feature whose values match the shape [${shape.join(", ")}]`,
    });
    const changed = changeSpecs(features, names, (spec) => ({
      ...spec,
      shape: completed(shape, sizeOf(spec.shape))!,
    }));
    return {
      features: changed,
      apply: (batch) =>
        changeColumns(batch, names, ({ values }, name) => ({
          values,
          shape: changed[name]!.shape,
        })),
      graph: (tensors) =>
        changeTensors(
          tensors,
          names,
          (tensor, name) => tf.reshape(tensor, [-1, ...changed[name]!.shape]),
        ),
    };
  },
});
export default stage;

/** The shape with its -1 replaced, or undefined if the number of values does not match. */
function completed(shape: readonly number[], size: number): readonly number[] | undefined {
  const known = sizeOf(shape.filter((length) => length !== -1));
  const full = shape.map((length) => length === -1 ? size / known : length);
  return sizeOf(full) === size && full.every(Number.isInteger) ? full : undefined;
}
