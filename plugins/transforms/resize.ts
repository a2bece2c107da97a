import { type Column, defineTransform, tf, type TransformStage, z } from "../../plugin.ts";
import {
  changeColumns,
  changeSpecs,
  changeTensors,
  chooseFeatures,
  featureOption,
  images,
  numbers,
  resized,
  type Suitable,
} from "./features.ts";
import { imageSize } from "./window.ts";

const resizable: Suitable = {
  problem: (spec) =>
    images.problem(spec) ?? (numbers.problem(spec) && "holds ids, which cannot be averaged"),
  wanted: "images of numbers (float32) of the shape [height, width, channels]",
};

/**
 * Resizes images.
 *
 * `area` is the mean of the pixels that a new pixel covers, as in PyTorch's
 * `interpolate(mode="area")`: at half the size, of each 2 × 2 pixels. `bilinear` is the mean of
 * the four pixels around the center of a new pixel, weighted by their distance, as in PyTorch with
 * `align_corners=False` and no antialiasing. It suits larger images; for much smaller images it
 * skips pixels.
 */
const stage: TransformStage = defineTransform({
  name: "resize",
  summary: "Resizes images.",
  options: z.object({
    to: imageSize.describe("The new height and width of images."),
    mode: z.enum(["area", "bilinear"], { error: "expected area or bilinear" }).default("area")
      .describe(
        "area: the mean of the pixels that a new pixel covers, to make images smaller. " +
          "bilinear: interpolation of the four nearest pixels.",
      ),
    feature: featureOption,
  }),
  example: `use: resize
to: [14, 14]`,
  create({ to, mode, feature }, { features }) {
    const names = chooseFeatures(features, feature, resizable);
    // Created with the first batch, so that checks can reject a size that does not fit into memory.
    const scales = new Map<string, { lines: readonly Share[]; columns: readonly Share[] }>();
    const scalesOf = (name: string) => {
      const [height, width] = features[name]!.shape as [number, number, number];
      const known = scales.get(name) ??
        { lines: shares[mode](height, to[0]), columns: shares[mode](width, to[1]) };
      scales.set(name, known);
      return known;
    };
    return {
      features: changeSpecs(features, names, (spec) => resized(spec, to)),
      apply: (batch, { numbers }) =>
        changeColumns(batch, names, (column, name) => {
          const { lines, columns } = scalesOf(name);
          const [height, width, channels] = column.shape as [number, number, number];
          const wide = numbers(batch.size * height * to[1] * channels);
          weigh(column.values, wide, [batch.size * height, width, channels], columns);
          const values = numbers(batch.size * to[0] * to[1] * channels);
          weigh(wide, values, [batch.size, height, to[1] * channels], lines);
          return { values, shape: [...to, channels] } satisfies Column;
        }),
      graph: (tensors, { numbers }) =>
        changeTensors(tensors, names, (tensor, name) => {
          const { lines, columns } = scalesOf(name);
          const [height, width, channels] = features[name]!.shape as [number, number, number];
          const wide = tf.matMul(
            numbers(matrixOf(columns, width), [1, to[1], width]),
            tf.reshape(tensor, [-1, width, channels]),
          );
          const small = tf.matMul(
            numbers(matrixOf(lines, height), [1, to[0], height]),
            tf.reshape(wide, [-1, height, to[1] * channels]),
          );
          return tf.reshape(small, [-1, ...to, channels]);
        }),
    };
  },
});
export default stage;

/**
 * The first old position that a new position depends on, and the weights of the positions from
 * there on.
 */
interface Share {
  readonly start: number;
  readonly weights: readonly number[];
}

/** The weights of all new positions along one axis. */
const shares: Readonly<Record<"area" | "bilinear", (from: number, to: number) => Share[]>> = {
  area: (from, to) =>
    Array.from({ length: to }, (_, index) => {
      const start = Math.floor(index * from / to), end = Math.ceil((index + 1) * from / to);
      return { start, weights: new Array<number>(end - start).fill(1 / (end - start)) };
    }),
  bilinear: (from, to) =>
    Array.from({ length: to }, (_, index) => {
      const middle = Math.max(0, (index + 0.5) * from / to - 0.5);
      const start = Math.min(Math.floor(middle), from - 1), next = middle - start;
      return { start, weights: start + 1 < from ? [1 - next, next] : [1] };
    }),
};

/** The weights of the old positions, for each new one. */
function matrixOf(shares: readonly Share[], from: number): number[] {
  return shares.flatMap(({ start, weights }) =>
    Array.from({ length: from }, (_, position) => weights[position - start] ?? 0)
  );
}

/** Writes `blocks` blocks of lines of `size` values, each a weighted sum of `from` old lines. */
function weigh(
  values: Column["values"],
  result: Column["values"],
  [blocks, from, size]: readonly [blocks: number, from: number, size: number],
  shares: readonly Share[],
): void {
  for (let block = 0, to = 0; block < blocks; block++) {
    for (const { start, weights } of shares) {
      const first = (block * from + start) * size;
      for (let index = 0; index < size; index++, to++) {
        let sum = 0;
        for (let line = 0; line < weights.length; line++) {
          sum += weights[line]! * values[first + line * size + index]!;
        }
        result[to] = sum;
      }
    }
  }
}
