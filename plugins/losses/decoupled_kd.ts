import { defineLoss, type LossStage, tf, z } from "../../plugin.ts";
import { requireProbabilities, requireSameShape, requireUnits } from "./checks.ts";
import { classLogits, divergence } from "./class_logits.ts";

/** Subtracted from the logit of a class to exclude it from a softmax. */
const AWAY = 1e9;

/**
 * Decoupled knowledge distillation (Zhao et al., 2022, arXiv:2203.08679, equation 7; `dkd_loss()`
 * in mdistiller). It splits the divergence of distillation into two terms with separate weights:
 * T² · (α · KL(b_from ‖ b_to) + β · KL(p̂_from ‖ p̂_to)), one per row. b is the probability of the
 * target class against all other classes, and p̂ is the softmax over the other classes.
 *
 * With two classes, or one logit, there is only one other class, so the second term is 0.
 * mdistiller also computes this term from probabilities and fails there. The authors' warm-up is
 * `gradient: { use: ramp, … }`.
 */
const stage: LossStage = defineLoss({
  name: "decoupled-kd",
  summary: "Distillation of the target class and of the other classes, with separate weights.",
  form: "hint",
  options: z.object({
    temperature: z.number().positive().default(4).describe(
      "The temperature T that divides the logits.",
    ),
    alpha: z.number().min(0).default(1).describe(
      "The weight α of the term that compares the probability of the target class.",
    ),
    beta: z.number().min(0).default(8).describe(
      "The weight β of the term that compares the probabilities of the other classes.",
    ),
    scaleByTemperature: z.boolean().default(true).describe(
      "Whether to multiply the loss by T², the square of the temperature.",
    ),
  }),
  example: "use: decoupled-kd\ntemperature: 4\nalpha: 1\nbeta: 8",
  create({ temperature, alpha, beta, scaleByTemperature }, context) {
    requireProbabilities("decoupled-kd", context);
    requireSameShape("decoupled-kd", context);
    requireUnits("decoupled-kd", context.shapes[0]!);
    const scale = scaleByTemperature ? temperature ** 2 : 1;
    const [units] = context.shapes[0]!;
    return (from, to, { label }) => {
      const target = units === 1
        ? tf.stack([label, tf.sub(1, label)], 1)
        : tf.oneHot(label as tf.Tensor1D, units!).toFloat();
      const p = parts(from, target, temperature), q = parts(to, target, temperature);
      const sum = tf.add(
        tf.mul(divergence(p.target, q.target), alpha),
        tf.mul(divergence(p.others, q.others), beta),
      );
      return tf.mul(sum, scale);
    };
  },
});
export default stage;

/**
 * Returns the log-probabilities of the target class against all other classes, and those of the
 * softmax over the other classes.
 */
function parts(logits: tf.Tensor, target: tf.Tensor, temperature: number) {
  const scaled = classLogits(logits, temperature);
  const without = tf.sub(scaled, tf.mul(target, AWAY));
  const all = tf.logSumExp(scaled, -1);
  const one = tf.sub(tf.sum(tf.mul(scaled, target), -1), all);
  return {
    target: tf.stack([one, tf.sub(tf.logSumExp(without, -1), all)], 1),
    others: tf.logSoftmax(without),
  };
}
