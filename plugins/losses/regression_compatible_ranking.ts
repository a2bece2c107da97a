import { defineLoss, type LossStage, ops, tf, z } from "../../plugin.ts";
import { requireLabel, requireUnits } from "./checks.ts";
import { byOption, labelShares, listLoss, logShares, sameGroup } from "./groups.ts";

/**
 * Regression compatible ranking (Bai et al., 2023, _Regression compatible listwise objectives for
 * calibrated ranking with binary relevance_, arXiv:2211.01494): (1 − α) times the mean over rows of
 * the binary cross-entropy, plus α times the mean over groups of the listwise loss −1/C Σᵢ yᵢ log
 * (σ(sᵢ) / Σⱼ σ(sⱼ)), where C is the number of positive rows of the group. Because shares are those
 * of probabilities and not of e^s, both parts have the same minimum, so σ(s) stays a probability.
 * The listwise part leaves out groups with a single row, or without a positive row. The loss is a
 * scalar. Its memory grows with the square of the batch size.
 */
const stage: LossStage = defineLoss({
  name: "regression-compatible-ranking",
  summary: "Binary cross-entropy plus a listwise loss of the probabilities of each group.",
  form: "task",
  options: z.object({
    by: byOption,
    alpha: z.number().min(0).max(1).default(0.5).describe(
      "The weight of the listwise part, α. The weight of the binary cross-entropy is 1 − α.",
    ),
  }),
  example: "use: regression-compatible-ranking\non: light\nby: user\nalpha: 0.5",
  create({ by, alpha }, { label, shapes }) {
    requireLabel("regression-compatible-ranking", label, "binary");
    requireUnits("regression-compatible-ranking", shapes[0]!, 1);
    return (output, label, { columns }) => {
      const scores = tf.reshape(output, [-1]) as tf.Tensor1D, same = sameGroup(columns[by]!);
      const own = tf.mean(ops.sigmoidCrossEntropy(scores, label as tf.Tensor1D));
      // log σ(s)
      const logs = tf.neg(ops.sigmoidCrossEntropy(scores, tf.onesLike(scores)));
      const list = listLoss(labelShares(label, same), logShares(logs, same), same);
      return tf.add(tf.mul(own, 1 - alpha), tf.mul(list, alpha));
    };
  },
});
export default stage;
