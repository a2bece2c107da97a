import { defineTransform, type TransformStage, z } from "../../plugin.ts";
import { changeColumns, changeSpecs, chooseFeatures, featureOption, resized } from "./features.ts";
import { cutWindows, imageSize, paddable, padMode, padModes, refuseLarger } from "./window.ts";

/**
 * Crops a window at a random position from each image, after padding; for augmentation. By default,
 * the windows are as large as the images, so rows without augmentation have the same shape.
 * The CIFAR experiments of the Rocket Launching paper use `pad: 4` with `mode: symmetric`.
 */
const stage: TransformStage = defineTransform({
  name: "random-crop",
  summary: "Pads images and crops a window at random.",
  on: "training",
  options: z.object({
    pad: z.int().min(0).default(0).describe(
      "The number of pixels to add on each side before cropping.",
    ),
    mode: padMode.default("reflect").describe(padModes),
    to: imageSize.optional().describe(
      "The height and width of the window; by default, those of the image.",
    ),
    feature: featureOption,
  }),
  example: `use: random-crop
pad: 4`,
  create({ pad, mode, to, feature }, { features }) {
    const names = chooseFeatures(features, feature, paddable(pad, mode));
    const sizeIn = (shape: readonly number[]) => to ?? [shape[0]!, shape[1]!] as const;
    for (const name of names) {
      const { shape } = features[name]!;
      refuseLarger(name, shape, pad, sizeIn(shape));
    }
    return {
      features: changeSpecs(features, names, (spec) => resized(spec, sizeIn(spec.shape))),
      apply(batch, { random }) {
        // Crop all features of a row at the same position: an image and its mask stay aligned.
        const draws = new Float64Array(2 * batch.size);
        for (let draw = 0; draw < draws.length; draw++) draws[draw] = random.uniform();
        return changeColumns(batch, names, (column) => {
          const size = sizeIn(column.shape);
          const starts = (axis: 0 | 1) => {
            const positions = column.shape[axis]! + 2 * pad - size[axis] + 1;
            return new Uint32Array(batch.size).map((_, row) => draws[2 * row + axis]! * positions);
          };
          return cutWindows(column, { pad, mode, to: size, top: starts(0), left: starts(1) });
        });
      },
    };
  },
});
export default stage;
