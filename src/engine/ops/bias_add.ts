import * as tf from "@tensorflow/tfjs";
import { isNative, nativeOp } from "./native_op.ts";

/**
 * Adds a bias to each channel. On the native engine, this op and its gradient are single TensorFlow
 * ops. TensorFlow fuses them with the matrix product or convolution before and the relu after.
 *
 * @example
 * ```ts
 * import { ops } from "@rocket-launching/rocket/plugin";
 * import * as tf from "@tensorflow/tfjs";
 * import { assertEquals } from "@std/assert";
 *
 * await tf.setBackend("cpu");
 * const y = ops.biasAdd(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor1d([10, 20]));
 * assertEquals([...y.dataSync()], [11, 22, 13, 24]);
 * ```
 *
 * @typeParam T The tensor's type.
 * @param x A float32 tensor `[..., channels]` of at least two dimensions.
 * @param bias The biases `[channels]`.
 * @returns A tensor of the shape of `x`.
 * @throws {RangeError} If the shapes do not match.
 */
export function biasAdd<T extends tf.Tensor>(x: T, bias: tf.Tensor1D): T {
  if (x.rank < 2 || bias.rank !== 1 || bias.shape[0] !== x.shape.at(-1)) {
    throw new RangeError(
      `biasAdd: the tensor must be [..., channels] and the bias [channels]; got ` +
        `[${x.shape}] and [${bias.shape}]`,
    );
  }
  if (!isNative()) return tf.add(x, bias);
  const attributes = { T: { type: "float32" }, data_format: { string: "NHWC" } } as const;
  return tf.customGrad((x, bias) => ({
    value: nativeOp("BiasAdd", attributes, [x as tf.Tensor, bias as tf.Tensor], 1)[0]!,
    // For the columns of a matrix, TensorFlow's sum is faster.
    gradFunc: (dy: tf.Tensor) => [
      dy,
      dy.rank === 2 ? tf.sum(dy, 0) : nativeOp("BiasAddGrad", attributes, [dy], 1)[0]!,
    ],
  }))(x, bias) as T;
}
