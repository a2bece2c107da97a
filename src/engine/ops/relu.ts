import * as tf from "@tensorflow/tfjs";
import { isNative, nativeOp } from "./native_op.ts";

/**
 * Computes the rectifier max(x, 0). As in PyTorch and TensorFlow, the gradient is 1 where x > 0 and
 * 0 elsewhere, including at 0.
 *
 * @example
 * ```ts
 * import { ops } from "@rocket-launching/rocket/plugin";
 * import * as tf from "@tensorflow/tfjs";
 * import { assertEquals } from "@std/assert";
 *
 * await tf.setBackend("cpu");
 * assertEquals([...ops.relu(tf.tensor1d([-1, 0, 2])).dataSync()], [0, 0, 2]);
 * ```
 *
 * @typeParam T The tensor's type.
 * @param x A float32 tensor of any shape.
 * @returns A tensor of the same shape.
 */
export function relu<T extends tf.Tensor>(x: T): T {
  if (!isNative()) return tf.relu(x);
  return tf.customGrad((x, save) => {
    const y = tf.relu(x as tf.Tensor);
    (save as tf.GradSaveFunc)([y]);
    return {
      value: y,
      gradFunc: (dy: tf.Tensor, [y]: tf.Tensor[]) =>
        nativeOp("ReluGrad", { T: { type: "float32" } }, [dy, y!], 1)[0]!,
    };
  })(x) as T;
}
