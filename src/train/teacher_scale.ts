import * as tf from "@tensorflow/tfjs";

/** The largest probability: the logit of 1 would be infinite. */
const MOST = 1 - 1e-6;

/**
 * Scales the output of a teacher before a hint loss compares it with the student's.
 *
 * With `{ probability: α }`, it returns the logit of min(α · σ(z), 1 − 10⁻⁶). This is the label
 * scaling of Liang et al. 2025, arXiv:2502.17494, section 3.3.
 *
 * @param output The teacher's output; for a factor of the probability, logits `[batch, 1]`.
 * @param scale The factor.
 * @returns The scaled output, of the same shape.
 *
 * @example
 * ```ts
 * import { scaledTeacher } from "./teacher_scale.ts";
 * import * as tf from "@tensorflow/tfjs";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * await tf.setBackend("cpu");
 * const [logit] = scaledTeacher(tf.tensor2d([[Math.log(0.1 / 0.9)]]), { probability: 4 }).dataSync();
 * assertAlmostEquals(logit!, Math.log(0.4 / 0.6), 1e-6);
 * ```
 */
export function scaledTeacher(
  output: tf.Tensor,
  scale: number | { readonly probability: number },
): tf.Tensor {
  if (typeof scale === "number") return tf.mul(output, scale);
  // With logarithms, small probabilities keep all their digits.
  const log = tf.minimum(
    // Not tf.logSigmoid, whose gradient needs a tensor that has been disposed of by then.
    tf.sub(Math.log(scale.probability), tf.softplus(tf.neg(output))),
    Math.log(MOST),
  );
  return tf.sub(log, tf.log1p(tf.neg(tf.exp(log))));
}
