import * as tf from "@tensorflow/tfjs";

type Padding = "same" | "valid" | number | tf.backend_util.ExplicitPadding;

/**
 * The gradient of `tf.conv2d` to its kernel, by the forward convolution that WebAssembly has: batch
 * and channels change places, the gradient of the result is the kernel, and the stride of the forward
 * pass is its dilation.
 */
export const conv2dBackpropFilter: tf.KernelFunc = ({ inputs, attrs }) => {
  const { x, dy } = inputs as unknown as Record<"x" | "dy", tf.Tensor4D>;
  const { strides, pad, dataFormat, dimRoundingMode, filterShape } = attrs as unknown as {
    strides: number | [number, number];
    pad: Padding;
    dataFormat: "NHWC" | "NCHW";
    dimRoundingMode: "floor" | "round" | "ceil" | undefined;
    filterShape: [number, number, number, number];
  };
  if (dataFormat === "NCHW") throw new Error("convolutions on wasm need the data format NHWC");
  const { padInfo, strideHeight, strideWidth, filterHeight, filterWidth, outHeight, outWidth } = tf
    .backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad, dimRoundingMode);
  return tf.tidy(() => {
    const seen = crop(
      x,
      [padInfo.top, padInfo.left],
      [(outHeight - 1) * strideHeight + filterHeight, (outWidth - 1) * strideWidth + filterWidth],
    );
    const gradient = tf.conv2d(
      tf.transpose(seen, [3, 1, 2, 0]),
      tf.transpose(dy, [1, 2, 0, 3]),
      1,
      "valid",
      "NHWC",
      [strideHeight, strideWidth],
    );
    return tf.transpose(gradient, [1, 2, 0, 3]);
  });
};

/**
 * The part of maps that a convolution has seen: with zeros before, and with zeros or nothing of what
 * is left over after.
 *
 * @param x The maps `[batch, height, width, channels]`.
 * @param before The zeros above and on the left.
 * @param size Height and width of the result.
 */
export function crop(
  x: tf.Tensor4D,
  [top, left]: readonly [number, number],
  [height, width]: readonly [number, number],
): tf.Tensor4D {
  const bottom = Math.max(height - top - x.shape[1], 0);
  const right = Math.max(width - left - x.shape[2], 0);
  const padded = top + bottom + left + right === 0
    ? x
    : tf.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]]);
  if (padded.shape[1] === height && padded.shape[2] === width) return padded;
  return tf.slice(padded, [0, 0, 0, 0], [x.shape[0], height, width, x.shape[3]]);
}
