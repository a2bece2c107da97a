import { defineTransform, type TransformStage, z } from "../../plugin.ts";
import {
  changeColumns,
  changeSpecs,
  chooseFeatures,
  featureOption,
  images,
  resized,
} from "./features.ts";
import { cutWindows, imageSize, refuseLarger } from "./window.ts";

/** Crops images to their center. */
const stage: TransformStage = defineTransform({
  name: "crop",
  summary: "Crops images to their center.",
  options: z.object({
    to: imageSize.describe("The height and width to keep."),
    feature: featureOption,
  }),
  example: `use: crop
to: [24, 24]`,
  create({ to, feature }, { features }) {
    const names = chooseFeatures(features, feature, images);
    for (const name of names) refuseLarger(name, features[name]!.shape, 0, to);
    return {
      features: changeSpecs(features, names, (spec) => resized(spec, to)),
      apply: (batch) =>
        changeColumns(batch, names, (column) => {
          const [height, width] = column.shape as [number, number];
          const middle = (all: number, kept: number) =>
            new Uint32Array(batch.size).fill(Math.floor((all - kept) / 2));
          const top = middle(height, to[0]), left = middle(width, to[1]);
          return cutWindows(column, { pad: 0, mode: "zero", to, top, left });
        }),
    };
  },
});
export default stage;
