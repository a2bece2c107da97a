import { defineLoss, type LossStage, tf, z } from "../../plugin.ts";
import { requireProbabilities, requireSameShape, requireUnits } from "./checks.ts";
import { divergence, logProbabilities, overClasses } from "./class_logits.ts";

/**
 * The Kullback-Leibler divergence of the student's softmax from the teacher's, at a temperature: Σ
 * p (log p − log q) with p = softmax(z_from / T) and q = softmax(z_to / T), one per row (Hinton et
 * al., 2015, arXiv:1503.02531). One logit represents two classes. With a
 * label of kind `multi-label`, each logit does, and the loss is the mean over the classes.
 *
 * With `gradient: mutual` and T = 1, it is deep mutual learning (Zhang et al., 2018,
 * arXiv:1706.00384, equations 3 to 6): each net learns from the other's softmax.
 *
 * Gradients shrink with 1/T², so Hinton et al. multiply by T²; `scaleByTemperature` enables this.
 */
const stage: LossStage = defineLoss({
  name: "kl",
  summary: "The KL divergence of the student's softmax from the teacher's, at a temperature.",
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
  example: "use: kl\ntemperature: 4\nscaleByTemperature: true",
  create({ temperature, scaleByTemperature }, context) {
    requireProbabilities("kl", context);
    requireSameShape("kl", context);
    requireUnits("kl", context.shapes[0]!);
    const scale = scaleByTemperature ? temperature ** 2 : 1;
    return overClasses(context, (from, to) => {
      const p = logProbabilities(from, temperature), q = logProbabilities(to, temperature);
      return tf.mul(divergence(p, q), scale);
    });
  },
});
export default stage;
