import { Buffer } from "node:buffer";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import type { ImageOptions } from "../../src/pipeline/data_options.ts";

/** A small image, and the pixels that Pillow reads from it. */
export interface ImageFixture {
  /** What kind of image it is. */
  readonly name: string;
  /** The bytes of the file; each access makes a copy. */
  readonly file: Uint8Array;
  /** Height, width, and channels of the pixels. */
  readonly shape: readonly number[];
  /** The expected pixels. */
  readonly pixels: Uint8Array;
  /** The bits per value, if there are not 8. */
  readonly bits?: number;
}

/** An image, and the pixels that it is converted to. */
export interface ConversionFixture extends ImageFixture {
  /** The shape of the feature. */
  readonly to: readonly number[];
  /** The options of the feature. */
  readonly image: ImageOptions;
}

const bytes = (text: string) => new Uint8Array(Buffer.from(text, "base64"));

const parsed = JSON.parse(
  Deno.readTextFileSync(new URL("../fixtures/images/images.json", import.meta.url)),
);

// deno-lint-ignore no-explicit-any
const decoded = (entry: any) => ({
  ...entry,
  get file() {
    return bytes(entry.file);
  },
  pixels: bytes(entry.pixels),
});

const images: readonly ImageFixture[] = parsed.images.map(decoded);
const conversions: readonly ConversionFixture[] = parsed.conversions.map(decoded);

/** The images of `tests/fixtures/images`. */
export const imageFixtures = {
  images,
  conversions,
  /** Returns the image with a name. */
  named(name: string): ImageFixture {
    return images.find((image) => image.name === name)!;
  },
};

/**
 * Writes a PNG image.
 *
 * @param size Height and width.
 * @param color The color type of PNG: 0 for gray, 2 for RGB, 6 for RGB with alpha.
 * @param bits The bits per value.
 * @param raw The rows, each with the byte of its filter.
 * @param isPacked Whether `raw` is compressed already.
 * @param more Chunks before the pixels, by their type.
 */
export function pngOf(
  [height, width]: readonly [height: number, width: number],
  color: number,
  bits: number,
  raw: Uint8Array,
  isPacked = false,
  more: Readonly<Record<string, Uint8Array>> = {},
): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bits, color], 8);
  const chunk = (type: string, content: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), content]), around = Buffer.alloc(8);
    around.writeUInt32BE(content.length, 0);
    around.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([around.subarray(0, 4), body, around.subarray(4)]);
  };
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  return new Uint8Array(Buffer.concat([
    signature,
    chunk("IHDR", header),
    ...Object.entries(more).map(([type, content]) => chunk(type, content)),
    chunk("IDAT", isPacked ? raw : deflateSync(raw)),
    chunk("IEND", new Uint8Array()),
  ]));
}

/**
 * Draws a PNG image of 40 × 36 pixels with a bright square, whose color follows from the class.
 *
 * @param label The number of the class, from 0 to 2.
 * @param index The number of the image, which moves the square.
 */
export function picture(label: number, index: number): Uint8Array {
  const height = 40, width = 36, row = 1 + width * 3, raw = new Uint8Array(height * row);
  for (let y = 0; y < 16; y++) {
    for (let x = 0; x < 16; x++) {
      raw[(y + 5 + index) * row + 1 + 3 * (x + 5 + index % 7) + label] = 200 + index;
    }
  }
  return pngOf([height, width], 2, 8, raw);
}

/**
 * Writes PNG images into a subfolder for each of three classes.
 *
 * @param folder The folder.
 * @param count The number of images of a class.
 */
export async function writePictures(folder: string, count: number): Promise<void> {
  for (const [label, name] of ["lily", "rose", "tulip"].entries()) {
    await Deno.mkdir(join(folder, name), { recursive: true });
    for (let index = 0; index < count; index++) {
      await Deno.writeFile(join(folder, name, `${index}.png`), picture(label, index));
    }
  }
}
