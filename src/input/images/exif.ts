/** The EXIF tag that specifies how a viewer must turn the image. */
const orientationTag = 0x0112;

/** The type of 16-bit numbers in TIFF. */
const short = 3;

/**
 * Reads the orientation of an image from EXIF data, which has the structure of a TIFF file. EXIF
 * data only describes an image, so if it contains no valid orientation, the image counts as
 * upright.
 *
 * @param content The data, from the TIFF header on, or with the prefix of JPEG images, which some
 *   programs also write to PNG images.
 * @returns The orientation from 1 (upright) to 8.
 */
export function orientationOf(content: Uint8Array): number {
  const tiff = hasExifPrefix(content) ? content.subarray(6) : content;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  if (view.byteLength < 8) return 1;
  const order = view.getUint16(0), little = order === 0x4949;
  if (!little && order !== 0x4d4d) return 1;
  const directory = view.getUint32(4, little);
  if (directory + 2 > view.byteLength) return 1;
  const entries = view.getUint16(directory, little);
  for (let entry = 0; entry < entries; entry++) {
    const at = directory + 2 + 12 * entry;
    if (at + 12 > view.byteLength) return 1;
    if (view.getUint16(at, little) !== orientationTag) continue;
    const value = view.getUint16(at + 8, little);
    return view.getUint16(at + 2, little) === short && value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

/** Checks whether data start with "Exif" and two zeros, as they do in JPEG images. */
export const hasExifPrefix = (content: Uint8Array): boolean =>
  [0x45, 0x78, 0x69, 0x66, 0, 0].every((byte, index) => content[index] === byte);
