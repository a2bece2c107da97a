/**
 * Decodes JPEG images with MozJPEG, which is compiled to WebAssembly. It decodes like
 * libjpeg-turbo, bit for bit.
 *
 * @module
 */

import createDecoder from "@jsquash/jpeg/codec/dec/mozjpeg_dec.js";
import { hasExifPrefix, orientationOf } from "./exif.ts";
import {
  DamagedImage,
  type ImageHeader,
  maxPixels,
  type Picture,
  UnsupportedImage,
} from "./picture.ts";

/** The first bytes of each JPEG image. */
export const jpegSignature: readonly number[] = [0xff, 0xd8, 0xff];

/** The facts about a JPEG image that its header contains. */
export interface JpegHeader extends ImageHeader {
  readonly format: "JPEG";
  /** The number of color components: 1 for gray, 3 for colors. */
  readonly components: number;
}

/** Markers of JPEG. */
const START_OF_SCAN = 0xda, END = 0xd9, APP1 = 0xe1;

/** The markers of frames with Huffman coding: baseline, extended, and progressive. */
const readFrames: ReadonlySet<number> = new Set([0xc0, 0xc1, 0xc2]);

/** The markers of other frames: lossless, hierarchical, or with arithmetic coding. */
const isOtherFrame = (marker: number) =>
  marker >= 0xc3 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/**
 * Checks whether a marker starts a segment that images have before their pixels: tables, restart
 * intervals, metadata, or comments. Others are refused, because decoders disagree about whether they
 * have a length. The decoder could otherwise find another frame than {@linkcode readJpeg}, with a
 * size that was not checked.
 */
const isKnownSegment = (marker: number) =>
  [0xc4, 0xdb, 0xdd, 0xfe].includes(marker) || marker >= 0xe0 && marker <= 0xef;

/**
 * The maximum number of scans of an image, and of its pixels times its scans. Each scan visits all
 * pixels, so a small file with many scans would take minutes. Encoders write about ten.
 */
const maxScans = 500, maxVisits = 4 * maxPixels;

/**
 * Reads the header of a JPEG image, which contains its size and number of channels.
 *
 * @param bytes The bytes of the image.
 * @throws {DamagedImage} If the header is damaged or incomplete.
 * @throws {UnsupportedImage} If it is not an image with 8 bits, Huffman coding, and one or three
 *   colors.
 */
export function readJpeg(bytes: Uint8Array): JpegHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let frame: Pick<JpegHeader, "width" | "height" | "components"> | undefined;
  let orientation: number | undefined;
  for (let at = 2;;) {
    // Any number of bytes 0xff may come before a marker.
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    if (at + 4 > bytes.length) throw new DamagedImage("the file ends before its pixels");
    const marker = bytes[at + 1]!, length = view.getUint16(at + 2);
    if (bytes[at] !== 0xff || marker === END) {
      throw new DamagedImage("its header is damaged");
    }
    if (length < 2 || at + 2 + length > bytes.length) {
      throw new DamagedImage("the file ends before its pixels");
    }
    if (marker === START_OF_SCAN) break;
    const content = bytes.subarray(at + 4, at + 2 + length);
    if (isOtherFrame(marker)) {
      throw new UnsupportedImage("a lossless, hierarchical, or arithmetic-coded JPEG image");
    }
    if (readFrames.has(marker)) {
      if (frame) throw new DamagedImage("its header has two sizes");
      frame = frameOf(content);
    } else if (marker === APP1 && hasExifPrefix(content)) {
      orientation ??= orientationOf(content);
    } else if (!isKnownSegment(marker)) {
      throw new DamagedImage("its header is damaged");
    }
    at += 2 + length;
  }
  if (!frame) throw new DamagedImage("its header has no size");
  const scans = countScans(bytes), { width, height } = frame;
  if (scans > maxScans) {
    throw new UnsupportedImage(`a JPEG image with more than ${maxScans} scans`);
  }
  if (width * height <= maxPixels && width * height * scans > maxVisits) {
    throw new UnsupportedImage(
      `a JPEG image of ${width} × ${height} pixels with ${scans} scans, too many for its size`,
    );
  }
  return { format: "JPEG", bits: 8, orientation: orientation ?? 1, scans, ...frame };
}

function frameOf(content: Uint8Array): Pick<JpegHeader, "width" | "height" | "components"> {
  if (content.length < 6) throw new DamagedImage("its header is damaged");
  const [bits] = content, components = content[5]!;
  const height = content[1]! << 8 | content[2]!, width = content[3]! << 8 | content[4]!;
  if (bits !== 8) throw new UnsupportedImage(`a JPEG image with ${bits} bits per value`);
  if (components === 4) throw new UnsupportedImage("a JPEG image with CMYK colors");
  if (components !== 1 && components !== 3) {
    throw new UnsupportedImage(`a JPEG image with ${components} color components`);
  }
  if (width === 0 || height === 0) throw new DamagedImage("its header has no size");
  return { width, height, components };
}

function countScans(bytes: Uint8Array): number {
  let scans = 0;
  for (let at = bytes.indexOf(0xff); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    if (bytes[at + 1] === START_OF_SCAN) scans++;
  }
  return scans;
}

/** The decoder's functions. */
type JpegDecoder = Awaited<ReturnType<typeof createDecoder>>;

let decoder: JpegDecoder | undefined;
let loading: Promise<JpegDecoder> | undefined;

/** What the decoder has reported about the current image. */
const messages: string[] = [];

/**
 * Loads the JPEG decoder if it is not loaded yet. Await this function before the first image is
 * decoded.
 */
export async function loadJpegDecoder(): Promise<void> {
  if (!decoder) await reload();
}

async function reload(): Promise<void> {
  loading ??= createDecoder({ printErr: (text: string) => messages.push(text) });
  try {
    decoder = await loading;
  } finally {
    loading = undefined;
  }
}

/**
 * The only harmless warning: some encoders write a few bytes of padding before the end. The decoder
 * reports only the first warning of an image, and after this one, nothing follows.
 */
const harmless = /^Corrupt JPEG data: \d+ extraneous bytes before marker 0xd9$/;

/**
 * Decodes the pixels of a JPEG image: gray, or RGB.
 *
 * @param bytes The bytes of the image.
 * @param header Its header. The caller has checked that an image of this size fits in memory.
 * @throws {DamagedImage} If the pixels are damaged or incomplete.
 */
export function decodeJpeg(bytes: Uint8Array, { width, height, components }: JpegHeader): Picture {
  if (!decoder) throw new Error("the JPEG decoder is not loaded");
  messages.length = 0;
  let rgba: Uint8ClampedArray | undefined;
  try {
    const image = decoder.decode(bytes as unknown as ArrayBuffer, false);
    if (image?.width === width && image.height === height) rgba = image.data;
  } catch {
    // The decoder ends its program by an exception, and leaves memory behind: replace it.
    void reload().catch(() => {});
  }
  const [message] = messages;
  if (!rgba || message !== undefined && !harmless.test(message)) {
    throw new DamagedImage(message ?? "its pixels cannot be decoded");
  }
  const pixels = new Uint8Array(width * height * components);
  if (components === 1) {
    for (let to = 0, from = 0; to < pixels.length; to++, from += 4) pixels[to] = rgba[from]!;
  } else {
    for (let to = 0, from = 0; to < pixels.length; to += 3, from += 4) {
      pixels[to] = rgba[from]!;
      pixels[to + 1] = rgba[from + 1]!;
      pixels[to + 2] = rgba[from + 2]!;
    }
  }
  return { width, height, channels: components as 1 | 3, pixels };
}
