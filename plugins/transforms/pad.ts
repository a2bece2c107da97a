import { defineTransform, type TransformStage, z } from "../../plugin.ts";
import { changeColumns, changeSpecs, chooseFeatures, featureOption, resized } from "./features.ts";
import { cutWindows, paddable, padMode, padModes } from "./window.ts";

/** Adds rows and columns of pixels on all four sides of images. */
const stage: TransformStage = defineTransform({
  name: "pad",
  summary: "Adds pixels on all four sides of images.",
  options: z.object({
    size: z.int().positive().describe("The number of pixels to add on each side."),
    mode: padMode.default("zero").describe(padModes),
    feature: featureOption,
  }),
  example: `use: pad
size: 2`,
  create({ size, mode, feature }, { features }) {
    const names = chooseFeatures(features, feature, paddable(size, mode));
    return {
      features: changeSpecs(features, names, (spec) => {
        const [height, width] = spec.shape as [number, number, number];
        return resized(spec, [height + 2 * size, width + 2 * size]);
      }),
      apply(batch) {
        const none = new Uint8Array(batch.size);
        return changeColumns(batch, names, (column) => {
          const [height, width] = column.shape as [number, number];
          const to = [height + 2 * size, width + 2 * size] as const;
          return cutWindows(column, { pad: size, mode, to, top: none, left: none });
        });
      },
    };
  },
});
export default stage;
