import { defineLoss, type LossStage, tf, z } from "../../plugin.ts";
import { requireProbabilities, requireSameShape, requireUnits } from "./checks.ts";
import { logProbabilities, overClasses } from "./class_logits.ts";

/**
 * Cross-entropy with the teacher's softmax as a soft label, at a temperature: −Σ p log q with p =
 * softmax(z_from / T) and q = softmax(z_to / T), one per row (Hinton et al., 2015,
 * arXiv:1503.02531). Its gradient for the student equals that of `kl`; its value is greater by the
 * teacher's entropy. One logit represents two classes. With a
 * label of kind `multi-label`, each logit does, and the loss is the mean over the classes.
 *
 * Gradients shrink with 1/T², so Hinton et al. multiply by T²; `scaleByTemperature` enables this.
 */
const stage: LossStage = defineLoss({
  name: "soft-label",
  summary: "Cross-entropy with the teacher's softmax at a temperature.",
  form: "hint",
  multiLabel: true,
  options: z.object({
    temperature: z.number().positive().default(1).describe(
      "The temperature T that divides the logits.",
    ),
    scaleByTemperature: z.boolean().default(true).describe(
      "Whether to multiply the loss by T², the square of the temperature.",
    ),
  }),
  example: "use: soft-label\ntemperature: 4\nscaleByTemperature: true",
  create({ temperature, scaleByTemperature }, context) {
    requireProbabilities("soft-label", context);
    requireSameShape("soft-label", context);
    requireUnits("soft-label", context.shapes[0]!);
    const scale = scaleByTemperature ? temperature ** 2 : 1;
    return overClasses(context, (from, to) => {
      const p = tf.exp(logProbabilities(from, temperature));
      return tf.mul(tf.sum(tf.mul(p, logProbabilities(to, temperature)), -1), -scale);
    });
  },
});
export default stage;
