import { defineLoss, type LossStage, ops, tf, z } from "../../plugin.ts";
import { requireLabel, requireUnits } from "./checks.ts";
import { classWeightsOption, isBalanced, weightsOfClasses } from "./class_weights.ts";

/**
 * Cross-entropy of the softmax with the target class: −log softmax(z)[label], one per row (Rocket
 * Launching, equation 1, H(y, ·)). With smoothing s, the label is (1 − s) for its class plus s
 * distributed evenly over all classes (Szegedy et al., 2016).
 *
 * With weights of classes w, the loss of a row is w[label] · −log softmax(z)[label], and smoothing
 * adds s / K · Σ_c w_c · −log softmax(z)[c] to (1 − s) times this, as PyTorch's `cross_entropy` with
 * `weight` and `reduction="none"` does. The total is the mean over rows; PyTorch's
 * `reduction="mean"` divides by the sum of the rows' weights instead.
 */
const stage: LossStage = defineLoss({
  name: "cross-entropy",
  summary: "Cross-entropy of the softmax with the target class.",
  form: "task",
  options: z.object({
    labelSmoothing: z.number().min(0).lt(1).default(0).describe(
      "The fraction of the label that is distributed evenly over all classes.",
    ),
    classWeights: classWeightsOption,
  }),
  labelStatistics: isBalanced,
  example: "use: cross-entropy\non: light",
  create({ labelSmoothing, classWeights }, { label, shapes }) {
    requireLabel("cross-entropy", label, "class");
    requireUnits("cross-entropy", shapes[0]!, label.classes);
    const weights = weightsOfClasses(classWeights, label);
    return (logits, label) => {
      const each = ops.softmaxCrossEntropy(logits as tf.Tensor2D, label as tf.Tensor1D);
      // tf.gather() reads the ids, so that a step with it could not be captured.
      const own = weights
        ? tf.mul(each, tf.sum(tf.mul(tf.oneHot(label, weights.length), [...weights]), -1))
        : each;
      if (labelSmoothing === 0) return own;
      const all = tf.logSoftmax(logits);
      const even = tf.neg(tf.mean(weights ? tf.mul(all, [...weights]) : all, -1));
      return tf.add(tf.mul(own, 1 - labelSmoothing), tf.mul(even, labelSmoothing));
    };
  },
});
export default stage;
