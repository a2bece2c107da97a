import { defineLoss, type LossStage, tf, z } from "../../plugin.ts";
import { requireProbabilities, requireSameShape, requireUnits } from "./checks.ts";

/**
 * The squared difference between the softmax outputs of both nets, summed over classes, one per
 * row; for one logit, and for each logit of a multi-label label, the squared difference between the
 * sigmoids. The Rocket Launching paper
 * compares it with mse-hint and argues against it (section 3.4): its gradient vanishes where the
 * softmax saturates.
 */
const stage: LossStage = defineLoss({
  name: "mse-probability",
  summary: "The squared difference between both nets' probabilities, summed over classes.",
  form: "hint",
  multiLabel: true,
  options: z.object({}),
  example: "use: mse-probability\nweight: 1",
  create(_options, context) {
    requireProbabilities("mse-probability", context);
    requireSameShape("mse-probability", context);
    requireUnits("mse-probability", context.shapes[0]!);
    const isEach = context.label.kind === "multi-label";
    const probabilities = (logits: tf.Tensor) =>
      isEach || logits.shape[1] === 1 ? tf.sigmoid(logits) : tf.softmax(logits);
    return (from, to) => tf.sum(tf.squaredDifference(probabilities(from), probabilities(to)), -1);
  },
});
export default stage;
