import { defineLoss, type LossStage, ops, tf, z } from "../../plugin.ts";
import { requireLabel, requireUnits } from "./checks.ts";
import { classWeightsOption, isBalanced, weightsOfClasses } from "./class_weights.ts";

/**
 * Cross-entropy of the sigmoid of one logit with a label of 0 or 1, one per row. With weights of
 * classes [w₀, w₁], the loss of a row is multiplied by the weight of its class; [1, p] is PyTorch's
 * `binary_cross_entropy_with_logits` with `pos_weight=p`. The total is the mean over rows, as there.
 */
const stage: LossStage = defineLoss({
  name: "binary-cross-entropy",
  summary: "Cross-entropy of a single logit's sigmoid with a label of 0 or 1.",
  form: "task",
  options: z.object({ classWeights: classWeightsOption }),
  labelStatistics: isBalanced,
  example: "use: binary-cross-entropy\non: light",
  create({ classWeights }, { label, shapes }) {
    requireLabel("binary-cross-entropy", label, "binary");
    requireUnits("binary-cross-entropy", shapes[0]!, 1);
    const weights = weightsOfClasses(classWeights, label);
    return (logits, label) => {
      const each = ops.sigmoidCrossEntropy(
        tf.reshape(logits, [-1]) as tf.Tensor1D,
        label as tf.Tensor1D,
      );
      if (!weights) return each;
      const [negative, positive] = weights as [number, number];
      return tf.mul(each, tf.add(tf.mul(label, positive - negative), negative));
    };
  },
});
export default stage;
