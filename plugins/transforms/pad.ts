import { defineTransform, tf, type TransformStage, z } from "../../plugin.ts";
import {
  changeColumns,
  changeSpecs,
  changeTensors,
  chooseFeatures,
  featureOption,
  resized,
} from "./features.ts";
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
      graph: (tensors) =>
        changeTensors(tensors, names, (tensor) => {
          const sides: [number, number] = [size, size];
          if (mode === "zero") return tf.pad(tensor, [[0, 0], sides, sides, [0, 0]]);
          return [1, 2].reduce((tensor, axis) => mirrored(tensor, axis, size, mode), tensor);
        }),
    };
  },
});
export default stage;

/** A tensor with its first and last lines of an axis mirrored. */
function mirrored(
  tensor: tf.Tensor,
  axis: number,
  size: number,
  mode: "reflect" | "symmetric",
): tf.Tensor {
  const length = tensor.shape[axis]!, next = mode === "reflect" ? 1 : 0;
  const part = (start: number) => {
    const begin = tensor.shape.map((_, other) => other === axis ? start : 0);
    const sizes = tensor.shape.map((_, other) => other === axis ? size : -1);
    return tf.reverse(tf.slice(tensor, begin, sizes), axis);
  };
  return tf.concat([part(next), tensor, part(length - size - next)], axis);
}
