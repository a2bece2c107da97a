/**
 * Decodes PNG images. zlib unpacks their data, with a limit that follows from the declared size.
 * This module checks the structure, undoes the filters, and unpacks samples. It follows the PNG
 * specification (third edition).
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { crc32, inflateSync } from "node:zlib";
import { orientationOf } from "./exif.ts";
import { DamagedImage, type ImageHeader, type Picture, UnsupportedImage } from "./picture.ts";

/** The first bytes of each PNG image. */
export const pngSignature: readonly number[] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** The color types of PNG. */
const GRAY = 0, RGB = 2, PALETTE = 3, GRAY_ALPHA = 4, RGB_ALPHA = 6;

/** The number of samples of a pixel, and the valid bit depths, by color type. */
const colorTypes: Readonly<Record<number, readonly [samples: number, depths: readonly number[]]>> =
  {
    [GRAY]: [1, [1, 2, 4, 8, 16]],
    [RGB]: [3, [8, 16]],
    [PALETTE]: [1, [1, 2, 4, 8]],
    [GRAY_ALPHA]: [2, [8, 16]],
    [RGB_ALPHA]: [4, [8, 16]],
  };

/** The passes of interlaced images: the first column and row of a pass, and the distances. */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** The pixels of an image that are stored one after the other. */
interface Pass {
  readonly width: number;
  readonly height: number;
  /** The position of a pixel in the image. */
  readonly x: number;
  readonly y: number;
  readonly dx: number;
  readonly dy: number;
}

/** The chunks of a PNG image that determine its pixels. */
export interface PngChunks extends ImageHeader {
  readonly format: "PNG";
  readonly colorType: number;
  readonly interlaced: boolean;
  readonly palette: Uint8Array | undefined;
  readonly transparency: Uint8Array | undefined;
  readonly data: readonly Uint8Array[];
}

/**
 * Reads the chunks of a PNG image and verifies their checksums, without unpacking pixels.
 *
 * @param bytes The bytes of the image.
 * @throws {DamagedImage} If the chunks are damaged or incomplete.
 * @throws {UnsupportedImage} If the image has a critical chunk that PNG does not define.
 */
export function readPng(bytes: Uint8Array): PngChunks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data: Uint8Array[] = [];
  let header: Uint8Array | undefined, palette: Uint8Array | undefined;
  let transparency: Uint8Array | undefined, orientation = 1, type = "";
  for (let at = pngSignature.length; type !== "IEND";) {
    if (at + 12 > bytes.length) throw new DamagedImage("the file ends too early");
    const length = view.getUint32(at);
    if (at + 12 + length > bytes.length) throw new DamagedImage("the file ends too early");
    type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const content = bytes.subarray(at + 8, at + 8 + length);
    if (crc32(bytes.subarray(at + 4, at + 8 + length)) !== view.getUint32(at + 8 + length)) {
      throw new DamagedImage(`the checksum of the chunk ${JSON.stringify(type)} is wrong`);
    }
    if ((header === undefined) !== (type === "IHDR")) {
      throw new DamagedImage("its header is missing or repeated");
    }
    if (type === "IHDR") header = content;
    else if (type === "PLTE") palette = content;
    else if (type === "tRNS") transparency = content;
    else if (type === "eXIf") orientation = orientationOf(content);
    else if (type === "IDAT") data.push(content);
    else if (type !== "IEND" && /^[A-Z]/.test(type)) {
      throw new UnsupportedImage(`a PNG image with the unknown chunk ${JSON.stringify(type)}`);
    }
    at += 12 + length;
  }
  return { ...headerOf(header!), scans: 1, orientation, palette, transparency, data };
}

function headerOf(
  content: Uint8Array,
): Pick<PngChunks, "format" | "width" | "height" | "bits" | "colorType" | "interlaced"> {
  if (content.length !== 13) throw new DamagedImage("its header does not have 13 bytes");
  const view = new DataView(content.buffer, content.byteOffset);
  const width = view.getUint32(0), height = view.getUint32(4);
  const [, , , , , , , , bits, colorType, compression, filter, interlace] = content;
  const [, depths] = colorTypes[colorType!] ?? [];
  const isValid = width > 0 && height > 0 && depths?.includes(bits!) && compression === 0 &&
    filter === 0 && interlace! <= 1;
  if (!isValid) throw new DamagedImage("its header is invalid");
  return {
    format: "PNG",
    width,
    height,
    bits: bits!,
    colorType: colorType!,
    interlaced: interlace === 1,
  };
}

/**
 * Decodes the pixels of a PNG image. Samples of 1, 2 and 4 bits are scaled to 8 bits, and samples
 * of 16 bits are rounded to 8 bits.
 *
 * @param chunks The chunks. The caller has checked that an image of this size fits in memory.
 * @throws {DamagedImage} If the pixels are damaged or incomplete.
 */
export function decodePng(chunks: PngChunks): Picture {
  const { width, height, bits, colorType, interlaced } = chunks;
  const [samples] = colorTypes[colorType]!;
  const passes: Pass[] = interlaced
    ? adam7.map(([x, y, dx, dy]) => ({
      width: Math.ceil((width - x) / dx),
      height: Math.ceil((height - y) / dy),
      ...{ x, y, dx, dy },
    })).filter((pass) => pass.width > 0 && pass.height > 0)
    : [{ width, height, x: 0, y: 0, dx: 1, dy: 1 }];
  const rowBytes = (pass: Pass) => Math.ceil(pass.width * samples * bits / 8);
  const expected = passes.reduce((sum, pass) => sum + pass.height * (1 + rowBytes(pass)), 0);
  const raw = inflated(chunks.data, expected);
  const { channels, write } = sampleWriter(chunks, samples);
  const pixels = new Uint8Array(width * height * channels);
  const step = Math.max(1, samples * bits / 8);
  let at = 0;
  for (const pass of passes) {
    const length = rowBytes(pass);
    let above: Uint8Array | undefined;
    for (let row = 0; row < pass.height; row++) {
      const line = raw.subarray(at + 1, at + 1 + length);
      unfilter(raw[at]!, line, above, step);
      const start = ((pass.y + row * pass.dy) * width + pass.x) * channels;
      write(line, pass.width, pixels, start, pass.dx * channels);
      above = line;
      at += 1 + length;
    }
  }
  return { width, height, channels, pixels };
}

function inflated(parts: readonly Uint8Array[], expected: number): Uint8Array {
  const packed = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  let raw: Uint8Array;
  try {
    raw = inflateSync(packed, { maxOutputLength: expected });
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    throw new DamagedImage(
      code === "ERR_BUFFER_TOO_LARGE"
        ? "its data unpack to more pixels than its header declares"
        : `its data cannot be unpacked: ${message}`,
    );
  }
  if (raw.length === expected) return raw;
  throw new DamagedImage("its data unpack to fewer pixels than its header declares");
}

/** Undoes the filter of a row in place. Each filter adds a prediction from nearby bytes. */
function unfilter(
  filter: number,
  line: Uint8Array,
  above: Uint8Array | undefined,
  step: number,
): void {
  const { length } = line;
  // Without a row above, its bytes count as 0.
  if (filter === 0 || filter === 2 && !above) return;
  if (filter === 1 || filter === 4 && !above) {
    for (let i = step; i < length; i++) line[i]! += line[i - step]!;
  } else if (filter === 2) {
    for (let i = 0; i < length; i++) line[i]! += above![i]!;
  } else if (filter === 3) {
    for (let i = 0; i < length; i++) {
      line[i]! += (i < step ? 0 : line[i - step]!) + (above ? above[i]! : 0) >> 1;
    }
  } else if (filter === 4) {
    for (let i = 0; i < step; i++) line[i]! += above![i]!;
    for (let i = step; i < length; i++) {
      const left = line[i - step]!, up = above![i]!, corner = above![i - step]!;
      const across = up - corner, down = left - corner, both = across + down;
      const toLeft = across < 0 ? -across : across, toUp = down < 0 ? -down : down;
      const toCorner = both < 0 ? -both : both;
      line[i]! += toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
    }
  } else {
    throw new DamagedImage(`a row has the unknown filter ${filter}`);
  }
}

/** Writes the pixels of a row, every `stride` values from `start`. */
type WriteRow = (
  line: Uint8Array,
  width: number,
  pixels: Uint8Array,
  start: number,
  stride: number,
) => void;

/** Returns the number of channels of an image, and a function that converts its rows. */
function sampleWriter(
  { bits, colorType, palette, transparency }: PngChunks,
  samples: number,
): { readonly channels: Picture["channels"]; readonly write: WriteRow } {
  const largest = 2 ** bits - 1;
  const sample = bits === 8
    ? (line: Uint8Array, index: number) => line[index]!
    : bits === 16
    ? (line: Uint8Array, index: number) => line[2 * index]! << 8 | line[2 * index + 1]!
    : (line: Uint8Array, index: number) => {
      const bit = index * bits;
      return line[bit >> 3]! >> 8 - bits - (bit & 7) & largest;
    };
  if (colorType === PALETTE) {
    if (!palette || palette.length === 0 || palette.length % 3 !== 0) {
      throw new DamagedImage("its palette is missing or incomplete");
    }
    const colors = palette.length / 3, channels = transparency ? 4 : 3;
    return {
      channels,
      write: (line, width, pixels, start, stride) => {
        for (let x = 0, to = start; x < width; x++, to += stride) {
          const color = sample(line, x);
          if (color >= colors) {
            throw new DamagedImage(`a pixel has the color ${color} of a palette of ${colors}`);
          }
          pixels[to] = palette[3 * color]!;
          pixels[to + 1] = palette[3 * color + 1]!;
          pixels[to + 2] = palette[3 * color + 2]!;
          if (transparency) pixels[to + 3] = transparency[color] ?? 255;
        }
      },
    };
  }
  // Bits that a value of the image does not have are ignored, as the PNG specification says.
  const clear = clearColor(transparency, colorType, samples)?.map((value) => value & largest);
  const channels = (clear ? samples + 1 : samples) as Picture["channels"];
  const scaled = bits === 8
    ? (value: number) => value
    : (value: number) => Math.round(value * 255 / largest);
  return {
    channels,
    write: (line, width, pixels, start, stride) => {
      if (bits === 8 && !clear && stride === channels) {
        pixels.set(line, start);
        return;
      }
      for (let x = 0, to = start; x < width; x++, to += stride) {
        let isClear = clear !== undefined;
        for (let channel = 0; channel < samples; channel++) {
          const value = sample(line, x * samples + channel);
          if (isClear && value !== clear![channel]) isClear = false;
          pixels[to + channel] = scaled(value);
        }
        if (clear) pixels[to + samples] = isClear ? 0 : 255;
      }
    },
  };
}

/** Returns the color that is transparent in an image without alpha, if there is one. */
function clearColor(
  transparency: Uint8Array | undefined,
  colorType: number,
  samples: number,
): number[] | undefined {
  if (!transparency) return undefined;
  if (colorType !== GRAY && colorType !== RGB || transparency.length !== 2 * samples) {
    throw new DamagedImage("its transparent color is invalid");
  }
  return Array.from(
    { length: samples },
    (_, channel) => transparency[2 * channel]! << 8 | transparency[2 * channel + 1]!,
  );
}
