import { defineLoss, hint, type LossStage, tf, UserError, z } from "../../plugin.ts";
import { requireProbabilities, requireSameShape, requireUnits } from "./checks.ts";
import { classesOf, logProbabilities } from "./class_logits.ts";
import { centered, lengths, meanOfAll } from "./vectors.ts";

/**
 * DIST (Huang et al., 2022, arXiv:2205.10536, equations 8 to 10; `DIST` in DIST_KD). It measures
 * how far the softmax outputs of both nets are from a linear relation, with Pearson's correlation
 * ρ: τ² · (β · mean over rows of (1 − ρ(p_from, p_to)) + γ · mean over classes of (1 − ρ(p_from,
 * p_to))). The second ρ is taken along the batch: how the probability of one class varies from row
 * to row. The loss is a scalar, because it compares rows with each other.
 *
 * With two classes, or one logit, ρ over the classes of a row is always 1 or −1 and has no
 * information, so β must be 0.
 */
const stage: LossStage = defineLoss({
  name: "dist",
  summary: "One minus the correlation between the probabilities of both nets, by row and by class.",
  form: "hint",
  options: z.object({
    beta: z.number().min(0).default(1).describe(
      "The weight β of the inter-class term, which correlates the probabilities of each row.",
    ),
    gamma: z.number().min(0).default(1).describe(
      "The weight γ of the intra-class term, which correlates the probabilities of each class.",
    ),
    temperature: z.number().positive().default(1).describe(
      "The temperature τ that divides the logits.",
    ),
    scaleByTemperature: z.boolean().default(true).describe(
      "Whether to multiply the loss by τ², the square of the temperature.",
    ),
  }),
  example: "use: dist\nbeta: 1\ngamma: 1\ntemperature: 1",
  create({ beta, gamma, temperature, scaleByTemperature }, context) {
    requireProbabilities("dist", context);
    requireSameShape("dist", context);
    requireUnits("dist", context.shapes[0]!);
    if (beta > 0 && classesOf(context.shapes[0]!) < 3) {
      throw new UserError("with two classes, the inter-class term of dist carries no information", {
        hint: hint(
          "dist/beta",
          "set `beta: 0`, so that only the intra-class term remains",
          { set: { beta: 0 } },
        ),
      });
    }
    const scale = scaleByTemperature ? temperature ** 2 : 1;
    return (from, to) => {
      const p = tf.exp(logProbabilities(from, temperature));
      const q = tf.exp(logProbabilities(to, temperature));
      const parts = [
        ...(beta > 0 ? [tf.mul(apart(p, q), beta)] : []),
        ...(gamma > 0 ? [tf.mul(apart(tf.transpose(p), tf.transpose(q)), gamma)] : []),
      ];
      return tf.mul(parts.length > 0 ? tf.addN(parts) : tf.scalar(0), scale);
    };
  },
});
export default stage;

/** The mean over rows of 1 − ρ. The correlation ρ of a row whose values are equal is 0. */
function apart(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const [x, y] = [centered(a), centered(b)];
  const product = tf.mul(
    tf.sum(tf.mul(x.values, y.values), -1, true),
    tf.mul(x.varies, y.varies),
  );
  const correlation = tf.div(
    product,
    tf.add(tf.mul(lengths(x.values), lengths(y.values)), 1e-8),
  );
  return tf.sub(1, meanOfAll(correlation));
}
