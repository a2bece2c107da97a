/** The height and the width of CIFAR and SVHN images in pixels. */
export const side = 32;
/** The number of values of a CIFAR or SVHN image: 32 × 32 pixels with 3 channels. */
export const imageSize: number = side * side * 3;

/**
 * Rearranges images of 32 × 32 × 3 so that the channels of each pixel are adjacent.
 *
 * @param images The values, one image after the other.
 * @param stride The distances between the values of neighboring rows, columns, and channels.
 * @param result Receives the images.
 */
export function channelsLast(
  images: Uint8Array,
  stride: { readonly row: number; readonly column: number; readonly channel: number },
  result: Uint8Array,
): void {
  const places = Uint16Array.from({ length: imageSize }, (_, index) => {
    const pixel = Math.floor(index / 3);
    return Math.floor(pixel / side) * stride.row + pixel % side * stride.column +
      index % 3 * stride.channel;
  });
  for (let start = 0; start < images.length; start += imageSize) {
    for (let index = 0; index < imageSize; index++) {
      result[start + index] = images[start + places[index]!]!;
    }
  }
}
