import { defineLoss, hint, type LossStage, ops, tf, UserError, z } from "../../plugin.ts";
import { requireLabel, requireUnits } from "./checks.ts";
import { classWeightsOption, isBalanced, weightsOfClasses } from "./class_weights.ts";

/**
 * Cross-entropy of the sigmoid of one logit with a label of 0 or 1, one per row. With weights of
 * classes [w₀, w₁], the loss of a row is multiplied by the weight of its class; [1, p] is PyTorch's
 * `binary_cross_entropy_with_logits` with `pos_weight=p`. The total is the mean over rows, as there.
 *
 * If the label is of kind `multi-label`, the loss of a row is the mean over its classes, each of
 * which has a logit of its own: PyTorch's `BCEWithLogitsLoss`. Weights of classes are refused.
 */
const stage: LossStage = defineLoss({
  name: "binary-cross-entropy",
  summary:
    "Cross-entropy of a logit's sigmoid with a label of 0 or 1, or the mean over the classes of a multi-label label.",
  form: "task",
  options: z.object({ classWeights: classWeightsOption }),
  labelStatistics: isBalanced,
  multiLabel: true,
  example: "use: binary-cross-entropy\non: light",
  create({ classWeights }, { label, shapes }) {
    if (label.kind === "multi-label") {
      requireUnits("binary-cross-entropy", shapes[0]!, label.classes);
      if (classWeights !== undefined) throw noWeights();
      return (logits, label) => tf.mean(ops.sigmoidCrossEntropy(logits, label), -1);
    }
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
      // The difference of the weights would lose the smaller one.
      const ofClass = tf.add(tf.mul(label, positive), tf.mul(tf.sub(1, label), negative));
      return tf.mul(each, ofClass);
    };
  },
});
export default stage;

/** Creates the error for weights of classes that a row may have together. */
function noWeights(): UserError {
  return new UserError(
    "`classWeights` weighs each row by its class, but a row with a multi-label label may have " +
      "several classes",
    {
      hint: hint("losses/multi-label-weights", "remove `classWeights`", {
        remove: ["classWeights"],
      }),
    },
  );
}
