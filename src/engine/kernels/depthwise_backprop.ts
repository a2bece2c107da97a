import * as tf from "@tensorflow/tfjs";
import { crop, spread } from "./conv2d_backprop.ts";

/** What both gradients need to know of the convolution. */
type Geometry = ReturnType<typeof tf.backend_util.computeConv2DInfo>;

/** A place of the kernel. */
interface Tap {
  readonly row: number;
  readonly column: number;
}

/** The gradient of `tf.depthwiseConv2d` to its kernel `[height, width, in, multiplier]`. */
export const depthwiseBackpropFilter: tf.KernelFunc = ({ inputs, attrs }) => {
  const { x, dy } = inputs as unknown as Record<"x" | "dy", tf.Tensor4D>;
  const filterShape = attrs!["filterShape"] as Shape4D;
  const geometry = measure(x.shape, filterShape, attrs!);
  const { batchSize, outHeight, outWidth, inChannels } = geometry;
  const { strideHeight, strideWidth, padInfo } = geometry;
  return tf.tidy(() => {
    const seen = crop(x, [padInfo.top, padInfo.left], span(geometry));
    const slopes = tf.reshape(dy, [batchSize * outHeight * outWidth, inChannels, -1]);
    const gradients = taps(geometry).map((tap) => {
      const part = tf.stridedSlice(
        seen,
        [0, tap.row, tap.column, 0],
        [
          batchSize,
          tap.row + (outHeight - 1) * strideHeight + 1,
          tap.column + (outWidth - 1) * strideWidth + 1,
          inChannels,
        ],
        [1, strideHeight, strideWidth, 1],
      );
      return tf.sum(tf.mul(tf.reshape(part, [-1, inChannels, 1]), slopes), 0);
    });
    return tf.reshape(tf.stack(gradients), filterShape);
  });
};

/** The gradient of `tf.depthwiseConv2d` to its input. */
export const depthwiseBackpropInput: tf.KernelFunc = ({ inputs, attrs }) => {
  const { dy, filter } = inputs as unknown as Record<"dy" | "filter", tf.Tensor4D>;
  const geometry = measure(attrs!["inputShape"] as Shape4D, filter.shape, attrs!);
  const { batchSize, outHeight, outWidth, inChannels, inHeight, inWidth } = geometry;
  const { strideHeight, strideWidth, padInfo } = geometry;
  const [height, width] = span(geometry);
  return tf.tidy(() => {
    const slopes = tf.reshape(dy, [batchSize * outHeight * outWidth, inChannels, -1]);
    const parts = taps(geometry).map((tap) => {
      const weights = tf.slice(filter, [tap.row, tap.column, 0, 0], [1, 1, -1, -1]);
      const part = tf.sum(tf.mul(slopes, tf.squeeze(weights, [0, 1])), 2);
      const maps = tf.reshape(part, [batchSize, outHeight, outWidth, inChannels]) as tf.Tensor4D;
      // Each number goes to where it came from: a stride apart, then moved to the tap.
      const apart = spread(maps, [strideHeight, strideWidth]);
      return crop(apart, [tap.row, tap.column], [height, width]);
    });
    // What no place of the kernel has seen has no gradient.
    return crop(tf.addN(parts), [-padInfo.top, -padInfo.left], [inHeight, inWidth]);
  });
};

type Shape4D = [number, number, number, number];

/** The geometry of the forward pass; tfjs knows no gradient of one with dilation. */
function measure(inputShape: Shape4D, filterShape: Shape4D, attrs: tf.NamedAttrMap): Geometry {
  const { strides, pad, dimRoundingMode } = attrs as unknown as {
    strides: number | [number, number];
    pad: "same" | "valid" | number | tf.backend_util.ExplicitPadding;
    dimRoundingMode: "floor" | "round" | "ceil" | undefined;
  };
  return tf.backend_util.computeConv2DInfo(
    inputShape,
    filterShape,
    strides,
    1,
    pad,
    dimRoundingMode,
    true,
  );
}

/** All places of the kernel, row by row. */
function taps({ filterHeight, filterWidth }: Geometry): Tap[] {
  return Array.from({ length: filterHeight * filterWidth }, (_, index) => ({
    row: Math.floor(index / filterWidth),
    column: index % filterWidth,
  }));
}

/** Height and width of what the kernel sees in all. */
function span(geometry: Geometry): [number, number] {
  return [
    (geometry.outHeight - 1) * geometry.strideHeight + geometry.filterHeight,
    (geometry.outWidth - 1) * geometry.strideWidth + geometry.filterWidth,
  ];
}
