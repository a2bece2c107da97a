import { defineLoss, type LossStage, tf, z } from "../../plugin.ts";
import {
  byOption,
  differences,
  pairLoss,
  requireScores,
  sameGroup,
  scoresOf,
  temperatureOption,
} from "./groups.ts";

/**
 * A pairwise hint: for all pairs of different rows of one group in the batch, the cross-entropy of
 * the student's probability σ((sᵢ − sⱼ) / T) with the teacher's σ((tᵢ − tⱼ) / T), averaged over
 * pairs and multiplied by T². It is the loss of RankNet with the teacher's probabilities as its
 * target probabilities (Burges et al., 2005, _Learning to rank using gradient descent_, equation
 * 3). t and s are the scores of both nets: the logit, or the second logit minus the first. The loss
 * is a scalar, and 0 without pairs. Its memory grows with the square of the batch size.
 */
const stage: LossStage = defineLoss({
  name: "ranknet-hint",
  summary:
    "The cross-entropy between both nets' probabilities that one row of a group ranks above another.",
  form: "hint",
  options: z.object({ by: byOption, temperature: temperatureOption }),
  example: "use: ranknet-hint\nby: user\ntemperature: 1",
  create({ by, temperature }, context) {
    requireScores("ranknet-hint", context);
    return (from, to, { columns }) => {
      const groups = columns[by]!, rows = tf.range(0, groups.shape[0]!, 1, "int32");
      const others = tf.notEqual(tf.expandDims(rows, 1), tf.expandDims(rows, 0));
      const pairs = tf.logicalAnd(sameGroup(groups), others) as tf.Tensor2D;
      const [teacher, student] = [from, to].map((output) =>
        tf.div(differences(scoresOf(output)), temperature) as tf.Tensor2D
      );
      return tf.mul(pairLoss(student!, tf.sigmoid(teacher!), pairs), temperature ** 2);
    };
  },
});
export default stage;
