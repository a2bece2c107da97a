import * as tf from "@tensorflow/tfjs";
import { heapOf } from "./wasm_heap.ts";

/**
 * The gradient of `tf.maxPool` with respect to its input. The gradient of each output value is
 * added at the position of the first maximum in the window of that value.
 */
export const maxPoolBackprop: tf.KernelFunc = ({ inputs, attrs, backend }) => {
  const { dy, input } = inputs as Record<"dy" | "input", tf.TensorInfo>;
  const heap = heapOf(backend);
  const dx = heap.zeros(input.shape);
  const [slopes, values, sums] = heap.views(dy, input, dx);
  forEachWindow(input.shape, attrs!, (place, window, channel) => {
    let largest = window[0]! + channel;
    for (const start of window) {
      if (values![start + channel]! > values![largest]!) largest = start + channel;
    }
    sums![largest]! += slopes![place]!;
  });
  return dx;
};

/**
 * The gradient of `tf.avgPool`. Each element of the output's gradient is divided equally among the
 * input elements in its window; padding is not counted and receives nothing.
 */
export const avgPoolBackprop: tf.KernelFunc = ({ inputs, attrs, backend }) => {
  const { dy, input } = inputs as Record<"dy" | "input", tf.TensorInfo>;
  const heap = heapOf(backend);
  const dx = heap.zeros(input.shape);
  const [slopes, sums] = heap.views(dy, dx);
  forEachWindow(input.shape, attrs!, (place, window, channel) => {
    const part = slopes![place]! / window.length;
    for (const start of window) sums![start + channel]! += part;
  });
  return dx;
};

/** The start and length of a window along one axis, clipped to the maps. */
interface Reach {
  readonly from: number;
  readonly to: number;
}

/**
 * Visits each number of the pooled maps.
 *
 * @param shape The shape of the maps, `[batch, height, width, channels]` or `[batch, depth, height,
 *   width, channels]`.
 * @param attrs The attributes of the pooling kernel.
 * @param visit Receives the flat index of the number, the flat index of channel 0 at each position
 *   in its window, and the channel.
 */
function forEachWindow(
  shape: readonly number[],
  attrs: tf.NamedAttrMap,
  visit: (place: number, window: readonly number[], channel: number) => void,
): void {
  const [batches, depth, height, width, channels] = shape.length === 5
    ? shape as [number, number, number, number, number]
    : [shape[0]!, 1, ...shape.slice(1)] as [number, number, number, number, number];
  const axes = reaches(shape, attrs);
  let place = 0;
  for (let batch = 0; batch < batches; batch++) {
    for (const z of axes[0]!) {
      for (const y of axes[1]!) {
        for (const x of axes[2]!) {
          const window: number[] = [];
          for (let k = z.from; k < z.to; k++) {
            for (let i = y.from; i < y.to; i++) {
              for (let j = x.from; j < x.to; j++) {
                window.push((((batch * depth + k) * height + i) * width + j) * channels);
              }
            }
          }
          for (let channel = 0; channel < channels; channel++) visit(place++, window, channel);
        }
      }
    }
  }
}

/** Lists the windows along depth, height, and width. */
function reaches(shape: readonly number[], attrs: tf.NamedAttrMap): Reach[][] {
  const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as PoolAttributes;
  const along = (size: number, count: number, stride: number, filter: number, before: number) =>
    Array.from({ length: count }, (_, i): Reach => {
      const start = i * stride - before;
      return { from: Math.max(start, 0), to: Math.min(start + filter, size) };
    });
  if (shape.length === 4) {
    const info = tf.backend_util.computePool2DInfo(
      shape as [number, number, number, number],
      filterSize as [number, number],
      strides as [number, number],
      1,
      pad as "same",
      dimRoundingMode,
    );
    return [
      [{ from: 0, to: 1 }],
      along(info.inHeight, info.outHeight, info.strideHeight, info.filterHeight, info.padInfo.top),
      along(info.inWidth, info.outWidth, info.strideWidth, info.filterWidth, info.padInfo.left),
    ];
  }
  const info = tf.backend_util.computePool3DInfo(
    shape as [number, number, number, number, number],
    filterSize as [number, number, number],
    strides as [number, number, number],
    1,
    pad as "same",
    dimRoundingMode,
  );
  return [
    along(info.inDepth, info.outDepth, info.strideDepth, info.filterDepth, info.padInfo.front),
    along(info.inHeight, info.outHeight, info.strideHeight, info.filterHeight, info.padInfo.top),
    along(info.inWidth, info.outWidth, info.strideWidth, info.filterWidth, info.padInfo.left),
  ];
}

/** The attributes of the pooling kernels. */
interface PoolAttributes {
  readonly filterSize: number | readonly number[];
  readonly strides: number | readonly number[];
  readonly pad: "same" | "valid" | number | tf.backend_util.ExplicitPadding;
  readonly dimRoundingMode: "floor" | "round" | "ceil" | undefined;
}
