import * as tf from "@tensorflow/tfjs";

/**
 * Computes the binary cross-entropy −y · log σ(z) − (1 − y) · log(1 − σ(z)) of each logit z and
 * label y. The formula max(z, 0) − z · y + log(1 + e^−|z|) is exact for logits of any size.
 *
 * @example
 * ```ts
 * import { ops } from "@rocket-launching/rocket/plugin";
 * import * as tf from "@tensorflow/tfjs";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * await tf.setBackend("cpu");
 * const losses = ops.sigmoidCrossEntropy(tf.tensor1d([0, 1000]), tf.tensor1d([1, 0]));
 * const [even, wrong] = losses.dataSync();
 * assertAlmostEquals(even!, Math.log(2), 1e-6);
 * assertAlmostEquals(wrong!, 1000);
 * ```
 *
 * @param logits The logits, of any shape, usually `[batch]`, float32.
 * @param labels The probabilities of class 1, from 0 to 1, of the same shape, float32. They are
 *   constants and receive no gradient.
 * @returns The losses, of the same shape. The gradient with respect to the logits is σ(z) − y.
 * @throws {RangeError} If the shapes or types are invalid.
 */
export function sigmoidCrossEntropy<T extends tf.Tensor>(logits: T, labels: tf.Tensor): T {
  if (!tf.util.arraysEqual(logits.shape, labels.shape) || labels.dtype !== "float32") {
    throw new RangeError(
      "sigmoidCrossEntropy: labels must be float32 and have the shape of the logits " +
        `[${logits.shape}]; got ${labels.dtype} [${labels.shape}]`,
    );
  }
  return tf.customGrad((input, save) => {
    const logits = input as tf.Tensor;
    (save as tf.GradSaveFunc)([logits, labels]);
    const rest = tf.log1p(tf.exp(tf.neg(tf.abs(logits))));
    return {
      value: tf.add(tf.sub(tf.relu(logits), tf.mul(logits, labels)), rest),
      gradFunc: (dy: tf.Tensor, [logits, labels]: tf.Tensor[]) =>
        tf.tidy(() => tf.mul(dy, tf.sub(tf.sigmoid(logits!), labels!))),
    };
  })(logits) as T;
}
