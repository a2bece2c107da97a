import { defineTransform, tf, type TransformStage, z } from "../../plugin.ts";
import {
  changeColumns,
  changeSpecs,
  changeTensors,
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
          const first = (all: number, kept: number) =>
            new Uint32Array(batch.size).fill(middle(all, kept));
          const top = first(height, to[0]), left = first(width, to[1]);
          return cutWindows(column, { pad: 0, mode: "zero", to, top, left });
        }),
      graph: (tensors) =>
        changeTensors(tensors, names, (tensor) => {
          const [, height, width] = tensor.shape as [number, number, number, number];
          const begin = [0, middle(height, to[0]), middle(width, to[1]), 0];
          return tf.slice(tensor, begin, [-1, ...to, -1]);
        }),
    };
  },
});
export default stage;

/** Returns the index of the first pixel to keep along one axis. */
const middle = (all: number, kept: number) => Math.floor((all - kept) / 2);
