/** The pixels of an image, row by row from the top left, with 8 bits per value. */
export interface Picture {
  /** The number of pixels in a row. */
  readonly width: number;
  /** The number of rows. */
  readonly height: number;
  /** The number of values per pixel: gray, gray and alpha, RGB, or RGB and alpha. */
  readonly channels: 1 | 2 | 3 | 4;
  /** The values: `height` × `width` × `channels`. */
  readonly pixels: Uint8Array;
}

/** The properties of an image that are stored in its file before the compressed pixels. */
export interface ImageHeader {
  /** The format. */
  readonly format: "PNG" | "JPEG";
  /** The number of stored pixels in a row. */
  readonly width: number;
  /** The number of stored rows. */
  readonly height: number;
  /** The number of times that the file contains data for the pixels: 1, or more for progressive JPEG. */
  readonly scans: number;
  /** The number of bits per value. */
  readonly bits: number;
  /** How a viewer should turn the image: the value of the EXIF tag, 1 to 8; 1 is upright. */
  readonly orientation: number;
}

/** Thrown if the data of an image is damaged, so that it cannot be decoded. */
export class DamagedImage extends Error {}

/**
 * Thrown for an image that is intact but has a format, or uses a feature, that Rocket does not
 * support.
 */
export class UnsupportedImage extends Error {}

/**
 * The maximum number of pixels of an image. A small file can declare any number of pixels, and
 * memory for all of them is allocated before they are decoded.
 */
export const maxPixels: number = 2 ** 26;
