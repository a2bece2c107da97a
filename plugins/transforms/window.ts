/**
 * Crops a window from a padded image, for `pad`, `crop` and `random-crop`.
 *
 * @module
 */

import { type Column, hint, UserError, z } from "../../plugin.ts";
import { type Suitable, zerosLike } from "./features.ts";

/** How to fill the pixels beyond the edge of an image. */
export type PadMode = "zero" | "reflect" | "symmetric";

/** The option `mode` of all transforms that pad images. */
export const padMode = z.enum(["zero", "reflect", "symmetric"], {
  error: "expected zero, reflect or symmetric",
});

/** The description of the padding modes, for the option `mode`. */
export const padModes: string =
  "The padding. zero: zeros. reflect: the image mirrored at its outermost pixels. " +
  "symmetric: the image mirrored at its edges, which repeats the outermost pixels.";

/** The schema of an option with a height and a width in pixels. */
export const imageSize = z.tuple([z.int().positive(), z.int().positive()], {
  error: "expected a height and a width, such as [32, 32]",
});

/** Returns the requirement that images are large enough to be padded by the given amount. */
export function paddable(pad: number, mode: PadMode): Suitable {
  const least = Math.max(1, { zero: 1, reflect: pad + 1, symmetric: pad }[mode]);
  return {
    problem: (spec) => {
      const { shape, vocabulary, ids } = spec;
      if (shape.length !== 3) return "is not an image";
      if (pad > 0 && mode === "zero" && (vocabulary || ids)) {
        return "holds ids, and padding with 0 would add one of them";
      }
      return Math.min(shape[0]!, shape[1]!) < least
        ? `is too small to be padded by ${pad} with its own reflection`
        : undefined;
    },
    wanted: `images of the shape [height, width, channels], ${least} × ${least} or larger`,
  };
}

/**
 * Throws an error if a window is larger than the padded images.
 *
 * @param name The feature.
 * @param shape The image's shape.
 * @param pad The pixels of padding on each side.
 * @param to The window's height and width.
 */
export function refuseLarger(
  name: string,
  shape: readonly number[],
  pad: number,
  to: readonly [height: number, width: number],
): void {
  const [height, width] = [shape[0]! + 2 * pad, shape[1]! + 2 * pad];
  if (to[0] <= height && to[1] <= width) return;
  throw new UserError(
    `the window ${to[0]} × ${
      to[1]
    } is larger than the padded images of the feature ${name}, ${height} × ${width}`,
    {
      hint: hint(
        "window/to",
        `set \`to: [${height}, ${width}]\` or less, or increase the padding`,
        {
          set: { to: [height, width] },
        },
      ),
      exitCode: 2,
    },
  );
}

/** The part of each padded image of a batch that a transform such as `crop` keeps. */
export interface Windows {
  /** The pixels of padding on each side. */
  readonly pad: number;
  /** The kind of padding. */
  readonly mode: PadMode;
  /** The height and width of the windows. */
  readonly to: readonly [height: number, width: number];
  /** The first line of each image's window, counted in the padded image. */
  readonly top: ArrayLike<number>;
  /** The first pixel of each line of the window. */
  readonly left: ArrayLike<number>;
}

/**
 * Crops a window from each image of a batch, as if the images were padded first.
 *
 * @param column The images.
 * @param windows The positions and sizes of the windows.
 * @returns The windows' pixels, in an array of the same kind.
 */
export function cutWindows(
  { values, shape }: Column,
  { pad, mode, to: [rows, columns], top, left }: Windows,
): Column {
  const [height, width, channels] = shape as [number, number, number];
  const size = height * width * channels, line = columns * channels;
  const count = values.length / size;
  const result = zerosLike(values, count * rows * line);
  for (let image = 0; image < count; image++) {
    const offset = left[image]! - pad;
    // Within the image, a line of the window is a contiguous copy.
    const first = Math.min(columns, Math.max(0, -offset));
    const last = Math.max(first, Math.min(columns, width - offset));
    for (let row = 0; row < rows; row++) {
      const y = inside(row + top[image]! - pad, height, mode);
      if (y < 0) continue;
      const from = image * size + y * width * channels;
      const start = (image * rows + row) * line;
      const moved = from + offset * channels - start;
      const end = start + last * channels;
      // Lines are short: a loop is faster than creating a view of each.
      for (let to = start + first * channels; to < end; to++) result[to] = values[to + moved]!;
      if (mode === "zero") continue;
      for (let column = 0; column < columns; column++) {
        if (column === first) column = last;
        if (column >= columns) break;
        const x = from + inside(column + offset, width, mode) * channels;
        for (let channel = 0; channel < channels; channel++) {
          result[start + column * channels + channel] = values[x + channel]!;
        }
      }
    }
  }
  return { values: result, shape: [rows, columns, channels] };
}

/** The source position for a position that may lie outside, or -1 for zero padding. */
function inside(position: number, length: number, mode: PadMode): number {
  if (position >= 0 && position < length) return position;
  if (mode === "zero") return -1;
  // If the outermost pixels are repeated, the mirror axis is half a pixel further out.
  const doubled = mode === "symmetric" ? 1 : 0;
  return position < 0 ? -position - doubled : 2 * (length - 1) - position + doubled;
}
