import * as tf from "@tensorflow/tfjs";
import { isRecording } from "../capture/recorder.ts";
import { needsRangeChecks } from "../range_checks.ts";
import { isNative, nativeOp } from "./native_op.ts";

/**
 * Computes the cross-entropy −log softmax(logits)[label] of each row directly from the logits, so
 * that it is exact for logits of any size.
 *
 * A label that is not from 0 to classes − 1 throws an error on the native engine. On other engines,
 * and in a captured graph on a GPU, the row's loss and gradient are NaN.
 *
 * @example
 * ```ts
 * import { ops } from "@rocket-launching/rocket/plugin";
 * import * as tf from "@tensorflow/tfjs";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * await tf.setBackend("cpu");
 * const losses = ops.softmaxCrossEntropy(tf.tensor2d([[0, 0, 0]]), tf.tensor1d([2], "int32"));
 * assertAlmostEquals(losses.dataSync()[0]!, Math.log(3), 1e-6);
 * ```
 *
 * @param logits The logits, `[batch, classes]`, float32.
 * @param labels The class indices `[batch]`, int32, starting at 0.
 * @returns The losses `[batch]`, not averaged. Gradients flow to the logits.
 * @throws {RangeError} If the shapes or types are invalid.
 */
export function softmaxCrossEntropy(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor1D {
  if (
    logits.rank !== 2 || labels.rank !== 1 || logits.shape[0] !== labels.shape[0] ||
    labels.dtype !== "int32"
  ) {
    throw new RangeError(
      "softmaxCrossEntropy: logits must be [batch, classes] and labels int32 [batch]; got " +
        `[${logits.shape}] and ${labels.dtype} [${labels.shape}]`,
    );
  }
  if (needsRangeChecks() && isNative() && !isRecording()) {
    refuseOutside(labels, logits.shape[1]);
  }
  return tf.customGrad((logits, save) => {
    const [losses, slopes] = isNative()
      ? nativeOp(
        "SparseSoftmaxCrossEntropyWithLogits",
        { T: { type: "float32" }, Tlabels: { type: "int32" } },
        [logits as tf.Tensor, labels],
        2,
      )
      : composed(logits as tf.Tensor2D, labels);
    (save as tf.GradSaveFunc)([slopes!]);
    return {
      value: losses!,
      gradFunc: (dy: tf.Tensor, [slopes]: tf.Tensor[]) => tf.mul(slopes!, tf.reshape(dy, [-1, 1])),
    };
  })(logits) as tf.Tensor1D;
}

/** Throws the error for a label that is not a class, like TensorFlow's kernel for the CPU. */
function refuseOutside(labels: tf.Tensor1D, classes: number): void {
  const label = labels.dataSync().find((label) => label < 0 || label >= classes);
  if (label === undefined) return;
  throw new RangeError(
    `received a label value of ${label}, which is outside the valid range of [0, ${classes})`,
  );
}

/** Computes the losses and their gradients, softmax − one-hot. */
function composed(logits: tf.Tensor2D, labels: tf.Tensor1D): [tf.Tensor, tf.Tensor] {
  const classes = logits.shape[1];
  const chosen = tf.cast(tf.oneHot(labels, classes), "bool");
  const shifted = tf.sub(logits, tf.max(logits, 1, true));
  const powers = tf.exp(shifted);
  const sums = tf.sum(powers, 1, true);
  // A product with the one-hot rows would give NaN for 0 · ∞.
  const own = tf.sum(tf.where(chosen, shifted, tf.zerosLike(shifted)), 1);
  const valid = tf.logicalAnd(tf.greaterEqual(labels, 0), tf.less(labels, classes));
  const one = tf.where(valid, tf.onesLike(own), tf.fill(own.shape, NaN));
  return [
    tf.mul(tf.sub(tf.log(tf.squeeze(sums, [1])), own), one),
    tf.mul(tf.sub(tf.div(powers, sums), tf.cast(chosen, "float32")), tf.reshape(one, [-1, 1])),
  ];
}
