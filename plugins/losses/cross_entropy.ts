import { defineLoss, type LossStage, ops, tf, z } from "../../plugin.ts";
import { requireLabel, requireUnits } from "./checks.ts";

/**
 * Cross-entropy of the softmax with the target class: −log softmax(z)[label], one per row (Rocket
 * Launching, equation 1, H(y, ·)). With smoothing s, the label is (1 − s) for its class plus s
 * distributed evenly over all classes (Szegedy et al., 2016).
 */
const stage: LossStage = defineLoss({
  name: "cross-entropy",
  summary: "Cross-entropy of the softmax with the target class.",
  form: "task",
  options: z.object({
    labelSmoothing: z.number().min(0).lt(1).default(0).describe(
      "The fraction of the label that is distributed evenly over all classes.",
    ),
  }),
  example: "use: cross-entropy\non: light",
  create({ labelSmoothing }, { label, shapes }) {
    requireLabel("cross-entropy", label, "class");
    requireUnits("cross-entropy", shapes[0]!, label.classes);
    return (logits, label) => {
      const own = ops.softmaxCrossEntropy(logits as tf.Tensor2D, label as tf.Tensor1D);
      if (labelSmoothing === 0) return own;
      const even = tf.neg(tf.mean(tf.logSoftmax(logits), -1));
      return tf.add(tf.mul(own, 1 - labelSmoothing), tf.mul(even, labelSmoothing));
    };
  },
});
export default stage;
