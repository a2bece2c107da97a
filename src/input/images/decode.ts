import { decodeJpeg, type JpegHeader, jpegSignature, readJpeg } from "./jpeg.ts";
import { decodePng, type PngChunks, pngSignature, readPng } from "./png.ts";
import { type ImageHeader, type Picture, UnsupportedImage } from "./picture.ts";

/** The first bytes of images in formats that are not read, and the names of the formats. */
const otherFormats: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^GIF8[79]a/, "GIF"],
  [/^RIFF[^]{4}WEBP/, "WebP"],
  [/^BM[^]{4}\0\0\0\0/, "BMP"],
  [/^(?:II\*\0|MM\0\*)/, "TIFF"],
  [/^[^]{4}ftyp(?:avi|hei|mif|msf)/, "AVIF or HEIC"],
];

/** An image whose header has been read, but whose pixels have not been decoded yet. */
export type OpenedImage = (JpegHeader | PngChunks) & { readonly bytes: Uint8Array };

/**
 * Recognizes an image by its first bytes, and reads its header.
 *
 * @param bytes The bytes.
 * @returns The image, or undefined if the bytes are no image.
 * @throws {DamagedImage} If the header is damaged.
 * @throws {UnsupportedImage} If the image has another format than PNG or JPEG.
 */
export function openImage(bytes: Uint8Array): OpenedImage | undefined {
  if (startsWith(bytes, jpegSignature)) return { ...readJpeg(bytes), bytes };
  if (startsWith(bytes, pngSignature)) return { ...readPng(bytes), bytes };
  const start = String.fromCharCode(...bytes.subarray(0, 16));
  const [, name] = otherFormats.find(([pattern]) => pattern.test(start)) ?? [];
  if (name !== undefined) throw new UnsupportedImage(`a ${name} image`);
  return undefined;
}

const startsWith = (bytes: Uint8Array, signature: readonly number[]) =>
  signature.every((byte, index) => bytes[index] === byte);

/**
 * Decodes an image as it is stored, before it is turned upright.
 *
 * @param image The image. The caller has checked that its pixels fit in memory.
 * @throws {DamagedImage} If the pixels are damaged or incomplete.
 */
export function decodeImage(image: OpenedImage): Picture {
  return image.format === "PNG" ? decodePng(image) : decodeJpeg(image.bytes, image);
}

/**
 * Returns the size of an image after it has been turned upright according to its EXIF orientation.
 *
 * @param header The image's header.
 */
export function uprightSize(
  { width, height, orientation }: Pick<ImageHeader, "width" | "height" | "orientation">,
): { readonly width: number; readonly height: number } {
  return orientation >= 5 ? { width: height, height: width } : { width, height };
}
