import * as tf from "@tensorflow/tfjs";

/** The attributes of the gradient kernels of `tf.conv2d`. */
interface ConvAttributes {
  readonly strides: number | [number, number];
  readonly pad: "same" | "valid" | number | tf.backend_util.ExplicitPadding;
  readonly dataFormat: "NHWC" | "NCHW";
  readonly dimRoundingMode: "floor" | "round" | "ceil" | undefined;
}

type Shape4D = [number, number, number, number];

/**
 * The gradient of `tf.conv2d` with respect to its kernel. It uses WebAssembly's forward
 * convolution: the batch and channel axes are swapped, the gradient of the result acts as the
 * kernel, and the stride of the forward pass becomes the dilation.
 */
export const conv2dBackpropFilter: tf.KernelFunc = ({ inputs, attrs }) => {
  const { x, dy } = inputs as unknown as Record<"x" | "dy", tf.Tensor4D>;
  const filterShape = attrs!["filterShape"] as Shape4D;
  const geometry = measure(x.shape, filterShape, attrs!);
  const { padInfo, strideHeight, strideWidth, filterHeight, filterWidth } = geometry;
  return tf.tidy(() => {
    const seen = crop(x, [padInfo.top, padInfo.left], [
      (geometry.outHeight - 1) * strideHeight + filterHeight,
      (geometry.outWidth - 1) * strideWidth + filterWidth,
    ]);
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
 * The gradient of `tf.conv2d` with respect to its input. It dilates
 * the output's gradient by the stride and calls the forward convolution with the flipped kernel.
 * This is about ten times as fast as the backend's own kernel.
 */
export const conv2dBackpropInput: tf.KernelFunc = ({ inputs, attrs }) => {
  const { dy, filter } = inputs as unknown as Record<"dy" | "filter", tf.Tensor4D>;
  const geometry = measure(attrs!["inputShape"] as Shape4D, filter.shape, attrs!);
  const { padInfo, filterHeight, filterWidth, inHeight, inWidth } = geometry;
  return tf.tidy(() => {
    const apart = spread(dy, [geometry.strideHeight, geometry.strideWidth]);
    const seen = crop(apart, [filterHeight - 1 - padInfo.top, filterWidth - 1 - padInfo.left], [
      inHeight + filterHeight - 1,
      inWidth + filterWidth - 1,
    ]);
    const turned = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]);
    return tf.conv2d(seen, turned, 1, "valid");
  });
};

/** Computes the geometry of the forward pass. */
function measure(
  inputShape: Shape4D,
  filterShape: Shape4D,
  attrs: tf.NamedAttrMap,
): ReturnType<typeof tf.backend_util.computeConv2DInfo> {
  const { strides, pad, dataFormat, dimRoundingMode } = attrs as unknown as ConvAttributes;
  if (dataFormat === "NCHW") {
    throw new Error("convolutions on the wasm engine require the data format NHWC; got NCHW");
  }
  return tf.backend_util.computeConv2DInfo(
    inputShape,
    filterShape,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
}

/**
 * Shifts feature maps down and to the right, fills the gaps with zeros, and crops the maps to a
 * size.
 *
 * @param x The maps `[batch, height, width, channels]`.
 * @param before The distances of the shift; negative numbers shift up and to the left.
 * @param size The height and width of the result.
 * @returns The maps.
 */
export function crop(
  x: tf.Tensor4D,
  [top, left]: readonly [number, number],
  [height, width]: readonly [number, number],
): tf.Tensor4D {
  const [batch, ownHeight, ownWidth, channels] = x.shape;
  const inside = tf.slice(x, [0, Math.max(-top, 0), Math.max(-left, 0), 0], [
    batch,
    Math.min(ownHeight, height - top) - Math.max(-top, 0),
    Math.min(ownWidth, width - left) - Math.max(-left, 0),
    channels,
  ]);
  const above = Math.max(top, 0);
  const aside = Math.max(left, 0);
  const below = height - above - inside.shape[1];
  const behind = width - aside - inside.shape[2];
  if (above + below + aside + behind === 0) return inside;
  return tf.pad(inside, [[0, 0], [above, below], [aside, behind], [0, 0]]);
}

/**
 * Inserts zeros between the rows and columns of feature maps, so that neighbors are a stride apart.
 */
export function spread(
  x: tf.Tensor4D,
  [rows, columns]: readonly [number, number],
): tf.Tensor4D {
  if (rows === 1 && columns === 1) return x;
  const [batch, height, width, channels] = x.shape;
  const padded = tf.pad(
    tf.reshape(x, [batch * height, 1, width, 1, channels]),
    [[0, 0], [0, rows - 1], [0, 0], [0, columns - 1], [0, 0]],
  );
  return tf.reshape(padded, [batch, height * rows, width * columns, channels]);
}
