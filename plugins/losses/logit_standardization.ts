import { defineLoss, hint, type LossStage, tf, z } from "../../plugin.ts";
import { requireClasses, requireProbabilities, requireSameShape, requireUnits } from "./checks.ts";
import { divergence, logProbabilities } from "./class_logits.ts";
import { centered } from "./vectors.ts";

/**
 * Distillation of standardized logits (Sun et al., 2024, arXiv:2403.01732, algorithm 1;
 * `kd_loss()` in logit-standardization-KD). The logits of both nets become (z − mean) / (σ + 10⁻⁷)
 * over the classes. The loss is then τ² · KL(softmax(from / τ) ‖ softmax(to / τ)), one per row.
 * The light net therefore learns the relations between logits and not their size. σ divides by
 * classes − 1, as in the authors' code, whose weight is 9.
 *
 * It needs three classes: two standardized logits are always the same two numbers.
 */
const stage: LossStage = defineLoss({
  name: "logit-standardization",
  summary:
    "The KL divergence between both nets after their logits are standardized to mean 0 and deviation 1.",
  form: "hint",
  options: z.object({
    temperature: z.number().positive().default(2).describe(
      "The temperature τ that divides the standardized logits.",
    ),
    scaleByTemperature: z.boolean().default(true).describe(
      "Whether to multiply the loss by τ², the square of the temperature.",
    ),
  }),
  example: "use: logit-standardization\ntemperature: 2\nweight: 9",
  create({ temperature, scaleByTemperature }, context) {
    requireProbabilities("logit-standardization", context);
    requireSameShape("logit-standardization", context);
    requireUnits("logit-standardization", context.shapes[0]!);
    requireClasses(
      "logit-standardization",
      context,
      3,
      hint(
        "logit-standardization/classes",
        "with two classes, standardized logits are always the same two numbers; use kl or mse-hint",
        [{ set: { use: "kl" } }, { set: { use: "mse-hint" } }],
      ),
    );
    const scale = scaleByTemperature ? temperature ** 2 : 1;
    const [classes] = context.shapes[0]!;
    const soft = (logits: tf.Tensor) =>
      logProbabilities(standardized(logits, classes!), temperature);
    return (from, to) => tf.mul(divergence(soft(from), soft(to)), scale);
  },
});
export default stage;

/** Logits with mean 0 and deviation 1 in each row. A row of equal logits becomes 0. */
function standardized(logits: tf.Tensor, classes: number): tf.Tensor {
  const { values, varies } = centered(logits);
  const variance = tf.div(tf.sum(tf.square(values), -1, true), classes - 1);
  const deviation = tf.add(tf.sqrt(tf.maximum(variance, 1e-24)), 1e-7);
  return tf.div(tf.mul(values, varies), deviation);
}
