import * as tf from "@tensorflow/tfjs";

/**
 * The binary cross-entropy −y · log σ(z) − (1 − y) · log(1 − σ(z)) of each logit z and label y,
 * computed as max(z, 0) − z · y + log(1 + e^−|z|), which no logit is too large for.
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
 * @param logits What is before the sigmoid, of any shape, usually `[batch]`, float32.
 * @param labels The probabilities of 1, from 0 to 1, of the same shape, float32. They are
 *   constants: no gradient reaches them.
 * @returns The losses, of the same shape. Gradients σ(z) − y reach the logits.
 * @throws {RangeError} If shapes or types do not fit.
 */
export function sigmoidCrossEntropy<T extends tf.Tensor>(logits: T, labels: tf.Tensor): T {
  if (!tf.util.arraysEqual(logits.shape, labels.shape) || labels.dtype !== "float32") {
    throw new RangeError(
      "sigmoidCrossEntropy: labels must be float32 and of the shape of the logits " +
        `[${logits.shape}], and are ${labels.dtype} [${labels.shape}]`,
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
