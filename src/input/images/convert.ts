/**
 * Converts decoded images: turns them upright, and gives them the channels that a net expects.
 *
 * @module
 */

import type { Picture } from "./picture.ts";

/** The number of values per pixel that a net receives: gray, RGB, or RGB with alpha. */
export type Channels = 1 | 3 | 4;

/** How a partly transparent image becomes one without alpha. */
export type AlphaOption = "drop" | "white" | "black";

/**
 * Turns an image upright.
 *
 * @param picture The stored image.
 * @param orientation The EXIF orientation, 1 to 8.
 */
export function upright(picture: Picture, orientation: number): Picture {
  if (orientation === 1) return picture;
  const { width, height, channels, pixels } = picture;
  const swaps = orientation >= 5;
  const outWidth = swaps ? height : width, outHeight = swaps ? width : height;
  // Orientations come in pairs that differ by a reflection.
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBottom = [3, 4, 6, 7].includes(orientation);
  const turned = new Uint8Array(pixels.length);
  for (let y = 0, to = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++, to += channels) {
      const column = swaps ? y : x, row = swaps ? x : y;
      const from = (fromBottom ? height - 1 - row : row) * width +
        (fromRight ? width - 1 - column : column);
      for (let channel = 0; channel < channels; channel++) {
        turned[to + channel] = pixels[from * channels + channel]!;
      }
    }
  }
  return { width: outWidth, height: outHeight, channels, pixels: turned };
}

/** Checks whether an image has a pixel that is not opaque. */
export function isTransparent({ channels, pixels }: Picture): boolean {
  if (channels % 2 === 1) return false;
  for (let at = channels - 1; at < pixels.length; at += channels) {
    if (pixels[at] !== 255) return true;
  }
  return false;
}

/** Checks whether an image has a pixel whose red, green, and blue differ. */
export function isColored({ channels, pixels }: Picture): boolean {
  if (channels < 3) return false;
  for (let at = 0; at < pixels.length; at += channels) {
    if (pixels[at] !== pixels[at + 1] || pixels[at] !== pixels[at + 2]) return true;
  }
  return false;
}

/**
 * Gives an image other channels. Gray becomes RGB by repetition, and RGB becomes gray as luma
 * (ITU-R BT.601), with the integer arithmetic of Pillow.
 *
 * @param picture The image.
 * @param channels The channels.
 * @param alpha How alpha is removed; by default, it is dropped.
 */
export function withChannels(
  picture: Picture,
  channels: Channels,
  alpha: AlphaOption = "drop",
): Picture {
  if (picture.channels === channels) return picture;
  const { width, height, pixels: from } = picture, own = picture.channels;
  const isGray = own < 3, hasAlpha = own % 2 === 0;
  const ground = alpha === "white" ? 255 : 0;
  const blends = hasAlpha && channels !== 4 && alpha !== "drop";
  const pixels = new Uint8Array(width * height * channels);
  for (let at = 0, to = 0; to < pixels.length; at += own, to += channels) {
    const opacity = hasAlpha ? from[at + own - 1]! : 255;
    let red = from[at]!, green = isGray ? red : from[at + 1]!, blue = isGray ? red : from[at + 2]!;
    if (blends) {
      red = blended(red, ground, opacity);
      green = blended(green, ground, opacity);
      blue = blended(blue, ground, opacity);
    }
    if (channels === 1) {
      pixels[to] = isGray ? red : red * 19595 + green * 38470 + blue * 7471 + 0x8000 >> 16;
      continue;
    }
    pixels[to] = red;
    pixels[to + 1] = green;
    pixels[to + 2] = blue;
    if (channels === 4) pixels[to + 3] = opacity;
  }
  return { width, height, channels, pixels };
}

/** Mixes a value with the background, rounded to the nearest whole number. */
function blended(value: number, ground: number, opacity: number): number {
  return Math.round((value * opacity + ground * (255 - opacity)) / 255);
}
