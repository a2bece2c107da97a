import * as tf from "@tensorflow/tfjs";

/** Options for a two-dimensional convolution. */
export interface Conv2dOptions {
  /** The stride: one number for both axes, or height and width; 1 by default. */
  readonly stride?: number | readonly [height: number, width: number];
  /**
   * The number of zeros on **each** side: one number for both axes, or height and width; 0 by
   * default.
   */
  readonly padding?: number | readonly [height: number, width: number];
}

/**
 * Computes a two-dimensional convolution (without flipping the kernel) with PyTorch's padding,
 * which is the same on both sides. `[batch, height, width, in]` becomes `[batch, height', width',
 * out]`, where height' = ⌊(height + 2 · padding − kernel height) / stride⌋ + 1.
 *
 * If TensorFlow's "same" padding needs an odd number of zeros, it puts the extra one at the end, so
 * a strided convolution of an even height reads other pixels than PyTorch's.
 *
 * @example
 * ```ts
 * import { ops } from "@rocket-launching/rocket/plugin";
 * import * as tf from "@tensorflow/tfjs";
 * import { assertEquals } from "@std/assert";
 *
 * await tf.setBackend("cpu");
 * const x = tf.reshape(tf.range(0, 16), [1, 4, 4, 1]) as tf.Tensor4D;
 * const kernel = tf.ones<tf.Rank.R4>([3, 3, 1, 1]);
 * const y = ops.conv2d(x, kernel, { stride: 2, padding: 1 });
 * assertEquals([...y.dataSync()], [10, 24, 51, 90]);
 * ```
 *
 * @param x The maps `[batch, height, width, in]`, float32.
 * @param kernel The kernel `[kernel height, kernel width, in, out]`, float32.
 * @param options The stride and padding.
 * @returns The maps `[batch, height', width', out]`.
 * @throws {RangeError} If the shapes do not match, or an option is not an integer in its range.
 */
export function conv2d(
  x: tf.Tensor4D,
  kernel: tf.Tensor4D,
  options: Conv2dOptions = {},
): tf.Tensor4D {
  const stride = pair("stride", options.stride ?? 1, 1);
  const padding = pair("padding", options.padding ?? 0, 0);
  if (x.rank !== 4 || kernel.rank !== 4 || x.shape[3] !== kernel.shape[2]) {
    throw new RangeError(
      "conv2d: x must be [batch, height, width, in] and the kernel [height, width, in, out]; " +
        `got [${x.shape}] and [${kernel.shape}]`,
    );
  }
  const axes = [0, 1] as const;
  const spans = axes.map((axis) =>
    span(x.shape[axis + 1]!, kernel.shape[axis]!, stride[axis], padding[axis])
  );
  if (spans.some(({ size }) => size < 1)) {
    throw new RangeError(
      `conv2d: the kernel [${kernel.shape}] is larger than the maps [${x.shape}] with ` +
        `padding [${padding}]`,
    );
  }
  if (axes.every((axis) => padding[axis] === 0)) return tf.conv2d(x, kernel, stride, "valid");
  if (spans.every(({ same }) => same)) return tf.conv2d(x, kernel, stride, "same");
  return tf.tidy(() => {
    const sides = padding.map((zeros): [number, number] => [zeros, zeros]);
    return tf.conv2d(tf.pad(x, [[0, 0], ...sides, [0, 0]]), kernel, stride, "valid");
  });
}

/**
 * Returns the size of the result along one axis, and whether "same" padding gives the same result.
 */
function span(
  size: number,
  kernel: number,
  stride: number,
  padding: number,
): { size: number; same: boolean } {
  const result = Math.floor((size + 2 * padding - kernel) / stride) + 1;
  const sameResult = Math.ceil(size / stride);
  const zeros = Math.max((sameResult - 1) * stride + kernel - size, 0);
  // Zeros after the last position of the kernel have no effect.
  return { size: result, same: result === sameResult && padding === Math.floor(zeros / 2) };
}

/** Returns an option's values for height and width. */
function pair(
  name: string,
  value: number | readonly [number, number],
  least: number,
): [number, number] {
  const [height, width] = typeof value === "number" ? [value, value] : value;
  if ([height, width].every((n) => Number.isSafeInteger(n) && n >= least)) return [height, width];
  throw new RangeError(`conv2d: ${name} must be an integer of at least ${least}; got ${value}`);
}
