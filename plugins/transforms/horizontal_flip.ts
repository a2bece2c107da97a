import { type Column, defineTransform, type TransformStage, z } from "../../plugin.ts";
import { changeColumns, chooseFeatures, featureOption, images } from "./features.ts";

/** Flips images horizontally, each with a given probability; for augmentation. */
const stage: TransformStage = defineTransform({
  name: "horizontal-flip",
  summary: "Flips images horizontally at random.",
  on: "training",
  options: z.object({
    probability: z.number().min(0).max(1).default(0.5).describe(
      "The fraction of images to flip.",
    ),
    feature: featureOption,
  }),
  example: "use: horizontal-flip",
  create({ probability, feature }, { features }) {
    const names = chooseFeatures(features, feature, images);
    return {
      features,
      apply(batch, { random }) {
        // Flip all features of a row or none, so that an image and its mask stay aligned.
        const flips = new Uint8Array(batch.size);
        for (let row = 0; row < batch.size; row++) flips[row] = +(random.uniform() < probability);
        return changeColumns(batch, names, (column) => flipped(column, flips));
      },
    };
  },
});
export default stage;

function flipped({ values, shape }: Column, flips: Uint8Array): Column {
  const [height, width, channels] = shape as [number, number, number];
  const result = values.slice();
  const line = width * channels, size = height * line;
  for (let row = 0; row < flips.length; row++) {
    if (flips[row] === 0) continue;
    for (let start = row * size; start < (row + 1) * size; start += line) {
      for (let channel = 0; channel < channels; channel++) {
        let from = start + line - channels + channel;
        for (let to = start + channel; to < start + line; to += channels, from -= channels) {
          result[to] = values[from]!;
        }
      }
    }
  }
  return { values: result, shape };
}
