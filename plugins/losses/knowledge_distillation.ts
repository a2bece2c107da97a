import { defineLoss, type LossStage, ops, tf, z } from "../../plugin.ts";
import { requireProbabilities, requireSameShape, requireUnits } from "./checks.ts";
import { divergence, logProbabilities, overClasses } from "./class_logits.ts";

/**
 * Knowledge distillation with the soft and the hard label (Hinton et al., 2015, arXiv:1503.02531,
 * section 2): α · T² · KL(softmax(z_from / T) ‖ softmax(z_to / T)) + (1 − α) · H(label, z_to), one
 * per row. The label is compared at T = 1. One logit represents two classes, and its sigmoid is
 * compared with the label. With a label of kind `multi-label`, each logit represents two classes, and
 * both terms are means over the classes.
 *
 * The authors of Rocket Launching (`distillation()` in utils.py) use 2α instead of α, and average
 * KL over classes as well as rows: their soft term is 2 / classes times this one. The equivalent
 * as separate entries is `kl` with weight 2α / classes and `cross-entropy` with weight 1 − α.
 */
const stage: LossStage = defineLoss({
  name: "knowledge-distillation",
  summary:
    "The KL divergence from the teacher's softmax with the weight α, plus the cross-entropy with the label with the weight 1 − α.",
  form: "hint",
  multiLabel: true,
  options: z.object({
    temperature: z.number().positive().default(4).describe(
      "The temperature T that divides the logits.",
    ),
    alpha: z.number().min(0).max(1).default(0.9).describe(
      "The weight of the soft label, α. The weight of the label is 1 − α.",
    ),
    scaleByTemperature: z.boolean().default(true).describe(
      "Whether to multiply the loss of the soft label by T², the square of the temperature.",
    ),
  }),
  example: "use: knowledge-distillation\ntemperature: 4\nalpha: 0.9\nscaleByTemperature: true",
  create({ temperature, alpha, scaleByTemperature }, context) {
    requireProbabilities("knowledge-distillation", context);
    requireSameShape("knowledge-distillation", context);
    requireUnits("knowledge-distillation", context.shapes[0]!);
    const soft = alpha * (scaleByTemperature ? temperature ** 2 : 1);
    const { kind } = context.label;
    const softLoss = overClasses(
      context,
      (from, to) =>
        divergence(logProbabilities(from, temperature), logProbabilities(to, temperature)),
    );
    return (from, to, scope) => {
      const { label } = scope;
      const hard = kind === "multi-label"
        ? tf.mean(ops.sigmoidCrossEntropy(to, label), -1)
        : kind === "binary"
        ? ops.sigmoidCrossEntropy(tf.reshape(to, [-1]) as tf.Tensor1D, label as tf.Tensor1D)
        : ops.softmaxCrossEntropy(to as tf.Tensor2D, label as tf.Tensor1D);
      return tf.add(tf.mul(softLoss(from, to, scope), soft), tf.mul(hard, 1 - alpha));
    };
  },
});
export default stage;
