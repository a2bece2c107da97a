import type { Picture } from "./picture.ts";

/**
 * How an image gets another size. stretch: the whole image, with other proportions. crop: the
 * largest part in the middle with the right proportions.
 */
export type ResizeOption = "stretch" | "crop";

/** The bits behind the binary point of weights: 32 bits less 8 for values and 2 for sums. */
const fractionBits = 22;

/**
 * Resizes an image as Pillow does with `BILINEAR`: each new pixel is the weighted mean of the
 * pixels that it covers, so fine patterns do not turn into coarse ones. All computations are those
 * of Pillow 13, so the results are the same bit for bit.
 *
 * @param picture The image.
 * @param width The new width.
 * @param height The new height.
 * @param how Which part of the image to use.
 */
export function resized(
  picture: Picture,
  width: number,
  height: number,
  how: ResizeOption,
): Picture {
  if (picture.width === width && picture.height === height) return picture;
  const [left, top, right, bottom] = partOf(picture, width, height, how);
  const across = left !== 0 || right !== picture.width || width !== picture.width;
  const down = top !== 0 || bottom !== picture.height || height !== picture.height;
  const byRows = down ? weightsOf(picture.height, top, bottom, height) : undefined;
  const byColumns = across ? weightsOf(picture.width, left, right, width) : undefined;
  let next = picture;
  if (byRows && isHeightFirst(picture, width, height)) {
    next = resampledColumns(multiplied(next), height, byRows);
    if (byColumns) next = resampledRows(next, width, byColumns);
  } else {
    next = multiplied(byRows ? coveredRows(next, byRows) : next);
    if (byColumns) next = resampledRows(next, width, byColumns);
    if (byRows) next = resampledColumns(next, height, byRows);
  }
  return divided(next);
}

/**
 * Whether an image gets its new height before its new width. The order matters, because values are
 * rounded in between. Pillow has this order since version 13, for images that lose many more rows
 * than columns. In between, an image never has more pixels than before or afterwards.
 */
const isHeightFirst = (
  picture: Pick<Picture, "width" | "height">,
  width: number,
  height: number,
): boolean => picture.height > height && picture.height - height > 2 * (picture.width - width);

/** Returns the part of an image that is used. */
function partOf(
  picture: Pick<Picture, "width" | "height">,
  width: number,
  height: number,
  how: ResizeOption,
): readonly [left: number, top: number, right: number, bottom: number] {
  return how === "crop" ? middle(picture, width / height) : [0, 0, picture.width, picture.height];
}

/** Returns the rows of an image that have weights. The weights are changed to start with them. */
function coveredRows(picture: Picture, { firsts, counts }: Weights): Picture {
  const first = firsts[0]!, end = firsts.at(-1)! + counts.at(-1)!;
  if (first === 0 && end === picture.height) return picture;
  for (let row = 0; row < firsts.length; row++) firsts[row]! -= first;
  const row = picture.width * picture.channels;
  return {
    ...picture,
    height: end - first,
    pixels: picture.pixels.subarray(first * row, end * row),
  };
}

/** Returns the largest part of an image, in its middle, with a ratio of width to height. */
function middle(
  { width, height }: Pick<Picture, "width" | "height">,
  ratio: number,
): readonly [left: number, top: number, right: number, bottom: number] {
  const own = width / height;
  const cropWidth = own > ratio ? ratio * height : width;
  const cropHeight = own < ratio ? width / ratio : height;
  const left = (width - cropWidth) / 2, top = (height - cropHeight) / 2;
  return [left, top, left + cropWidth, top + cropHeight].map(Math.fround) as [
    number,
    number,
    number,
    number,
  ];
}

/** For each new pixel, the first old pixel that it covers, and the weights from this one on. */
interface Weights {
  readonly firsts: Int32Array;
  readonly counts: Int32Array;
  readonly weights: Int32Array;
  /** The distance between the weights of two new pixels. */
  readonly stride: number;
}

function weightsOf(size: number, start: number, end: number, newSize: number): Weights {
  const scale = Math.fround(end - start) / newSize, support = Math.max(scale, 1);
  const stride = Math.ceil(support) * 2 + 1;
  const firsts = new Int32Array(newSize), counts = new Int32Array(newSize);
  const weights = new Int32Array(newSize * stride), own = new Float64Array(stride);
  for (let pixel = 0; pixel < newSize; pixel++) {
    const center = start + (pixel + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(size, Math.trunc(center + support + 0.5)) - first;
    let sum = 0;
    for (let index = 0; index < count; index++) {
      const distance = Math.abs((index + first - center + 0.5) * (1 / support));
      own[index] = distance < 1 ? 1 - distance : 0;
      sum += own[index]!;
    }
    for (let index = 0; index < count; index++) {
      const weight = sum === 0 ? own[index]! : own[index]! / sum;
      weights[pixel * stride + index] = Math.trunc(0.5 + weight * 2 ** fractionBits);
    }
    firsts[pixel] = first;
    counts[pixel] = count;
  }
  return { firsts, counts, weights, stride };
}

const half = 1 << fractionBits - 1;

const clipped = (sum: number) => Math.max(0, Math.min(255, sum >> fractionBits));

function resampledRows(
  { height, width, channels, pixels }: Picture,
  to: number,
  by: Weights,
): Picture {
  const made = new Uint8Array(height * to * channels);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < to; x++) {
      const first = (y * width + by.firsts[x]!) * channels, count = by.counts[x]!;
      for (let channel = 0; channel < channels; channel++, at++) {
        let sum = half;
        for (let index = 0; index < count; index++) {
          sum += pixels[first + index * channels + channel]! * by.weights[x * by.stride + index]!;
        }
        made[at] = clipped(sum);
      }
    }
  }
  return { width: to, height, channels, pixels: made };
}

function resampledColumns({ width, channels, pixels }: Picture, to: number, by: Weights): Picture {
  const length = width * channels, made = new Uint8Array(to * length);
  for (let y = 0, at = 0; y < to; y++) {
    const first = by.firsts[y]! * length, count = by.counts[y]!;
    for (let x = 0; x < length; x++, at++) {
      let sum = half;
      for (let index = 0; index < count; index++) {
        sum += pixels[first + index * length + x]! * by.weights[y * by.stride + index]!;
      }
      made[at] = clipped(sum);
    }
  }
  return { width, height: to, channels, pixels: made };
}

/** Multiplies colors by alpha, because the color of a transparent pixel has no meaning. */
function multiplied(picture: Picture): Picture {
  const { channels, pixels } = picture;
  if (channels % 2 === 1) return picture;
  const made = pixels.slice();
  for (let at = channels - 1; at < made.length; at += channels) {
    for (let color = at - channels + 1; color < at; color++) {
      const product = made[color]! * made[at]! + 128;
      made[color] = (product >> 8) + product >> 8;
    }
  }
  return { ...picture, pixels: made };
}

/** Divides colors by alpha. */
function divided(picture: Picture): Picture {
  const { channels, pixels } = picture;
  if (channels % 2 === 1) return picture;
  for (let at = channels - 1; at < pixels.length; at += channels) {
    const alpha = pixels[at]!;
    if (alpha === 0 || alpha === 255) continue;
    for (let color = at - channels + 1; color < at; color++) {
      pixels[color] = Math.min(255, Math.trunc(255 * pixels[color]! / alpha));
    }
  }
  return picture;
}
