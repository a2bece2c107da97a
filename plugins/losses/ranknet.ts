import { defineLoss, type LossStage, tf, z } from "../../plugin.ts";
import { byOption, differences, pairLoss, requireScores, sameGroup, scoresOf } from "./groups.ts";

/**
 * The pairwise logistic loss of RankNet (Burges et al., 2005, _Learning to rank using gradient
 * descent_, equation 3): the mean of log(1 + e^−(sᵢ − sⱼ)) over all pairs of rows of one group in
 * the batch whose labels are yᵢ > yⱼ. s is the score of a row: its logit, or the second logit minus
 * the first. The loss is a scalar, and 0 if there is no such pair. Its memory grows with the square
 * of the batch size.
 */
const stage: LossStage = defineLoss({
  name: "ranknet",
  summary:
    "The logistic loss of score differences, over pairs of rows of a group with different labels.",
  form: "task",
  options: z.object({ by: byOption }),
  example: "use: ranknet\non: light\nby: user",
  create({ by }, context) {
    requireScores("ranknet", context);
    return (output, label, { columns }) => {
      const better = tf.greater(tf.expandDims(label, 1), tf.expandDims(label, 0));
      const pairs = tf.logicalAnd(sameGroup(columns[by]!), better) as tf.Tensor2D;
      const difference = differences(scoresOf(output));
      return pairLoss(difference, tf.onesLike(difference), pairs);
    };
  },
});
export default stage;
