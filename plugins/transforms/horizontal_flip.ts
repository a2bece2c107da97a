import { type Column, defineTransform, type TransformStage, z } from "../../plugin.ts";
import { changeColumns, chooseFeatures, featureOption, images, zerosLike } from "./features.ts";

/** Mirrors images left to right, each with some probability; augmentation. */
const stage: TransformStage = defineTransform({
  name: "horizontal-flip",
  summary: "Mirrors images left to right at random.",
  on: "training",
  options: z.object({
    probability: z.number().min(0).max(1).default(0.5).describe(
      "The part of the images that is mirrored.",
    ),
    feature: featureOption,
  }),
  example: "use: horizontal-flip",
  create({ probability, feature }, { features }) {
    const names = chooseFeatures(features, feature, images);
    return {
      features,
      apply(batch, { random }) {
        // All features of a row are mirrored or none: a picture and its mask stay together.
        const flips = Uint8Array.from(
          { length: batch.size },
          () => Number(random.uniform() < probability),
        );
        return changeColumns(batch, names, (column) => flipped(column, flips));
      },
    };
  },
});
export default stage;

function flipped({ values, shape }: Column, flips: Uint8Array): Column {
  const [height, width, channels] = shape as [number, number, number];
  const result = zerosLike(values, values.length);
  result.set(values);
  const line = width * channels, size = height * line;
  flips.forEach((flip, row) => {
    if (!flip) return;
    for (let start = row * size; start < (row + 1) * size; start += line) {
      for (let x = 0; x < width; x++) {
        const to = start + x * channels, from = start + (width - 1 - x) * channels;
        for (let channel = 0; channel < channels; channel++) {
          result[to + channel] = values[from + channel]!;
        }
      }
    }
  });
  return { values: result, shape };
}
