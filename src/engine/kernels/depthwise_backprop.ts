import * as tf from "@tensorflow/tfjs";
import { crop, spread } from "./conv2d_backprop.ts";

/** The geometry of the convolution, which both gradients use. */
type Geometry = ReturnType<typeof tf.backend_util.computeConv2DInfo>;

/** A position in the kernel. */
interface Tap {
  readonly row: number;
  readonly column: number;
}

/**
 * The gradient of `tf.depthwiseConv2d` with respect to its kernel `[height, width, in,
 * multiplier]`.
 */
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

/** The gradient of `tf.depthwiseConv2d` with respect to its input. */
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
      // Each number returns to its origin: spread out by the stride, then shifted by the kernel
      // position.
      const apart = spread(maps, [strideHeight, strideWidth]);
      return crop(apart, [tap.row, tap.column], [height, width]);
    });
    // Inputs that no kernel position covers have no gradient.
    return crop(tf.addN(parts), [-padInfo.top, -padInfo.left], [inHeight, inWidth]);
  });
};

type Shape4D = [number, number, number, number];

/** Computes the geometry of the forward pass. tfjs has no gradient for a dilated convolution. */
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

/** Lists all positions in the kernel, row by row. */
function taps({ filterHeight, filterWidth }: Geometry): Tap[] {
  return Array.from({ length: filterHeight * filterWidth }, (_, index) => ({
    row: Math.floor(index / filterWidth),
    column: index % filterWidth,
  }));
}

/** Computes the height and width of the area that all kernel positions cover. */
function span(geometry: Geometry): [number, number] {
  return [
    (geometry.outHeight - 1) * geometry.strideHeight + geometry.filterHeight,
    (geometry.outWidth - 1) * geometry.strideWidth + geometry.filterWidth,
  ];
}
