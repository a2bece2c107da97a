/** An image as numbers, for {@linkcode bitmapOf}. */
export interface Pixels {
  readonly height: number;
  readonly width: number;
  /** The number of channels: 1 for shades of gray, or 3 for red, green and blue. */
  readonly channels: number;
  /** The numbers from 0 to 255, row by row. */
  readonly values: readonly number[];
}

/**
 * Encodes an image as a data URL with a bitmap file (BMP), which needs no compression.
 *
 * @param pixels The image.
 */
export function bitmapOf({ height, width, channels, values }: Pixels): string {
  const stride = Math.ceil(3 * width / 4) * 4, start = 54;
  const bytes = new Uint8Array(start + stride * height), view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, start, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, width, true);
  view.setInt32(22, height, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  view.setUint32(34, stride * height, true);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      // A bitmap file stores rows from bottom to top, and colors in the order blue, green, red.
      const to = start + (height - 1 - y) * stride + 3 * x, from = (y * width + x) * channels;
      for (let color = 0; color < 3; color++) {
        bytes[to + color] = values[from + (channels === 1 ? 0 : 2 - color)]!;
      }
    }
  }
  return `data:image/bmp;base64,${bytes.toBase64()}`;
}
