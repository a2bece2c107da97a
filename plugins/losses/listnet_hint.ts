import { defineLoss, type LossStage, tf, z } from "../../plugin.ts";
import {
  byOption,
  listLoss,
  logShares,
  requireScores,
  sameGroup,
  scoresOf,
  temperatureOption,
} from "./groups.ts";

/**
 * A listwise hint: the cross-entropy −Σᵢ pᵢ log qᵢ of each group in the batch, averaged over groups
 * and multiplied by T². p is the softmax of the teacher's scores over the rows of the group, divided
 * by T, and q that of the student's. It is the loss of ListNet with the teacher's scores as its
 * labels (Cao et al., 2007, _Learning to rank: from pairwise approach to listwise approach_, section
 * 4.4). The score of a row is its logit, or the second logit minus the first. Groups with a single
 * row are left out. The loss is a scalar. Its memory grows with the square of the batch size.
 */
const stage: LossStage = defineLoss({
  name: "listnet-hint",
  summary:
    "The cross-entropy between the teacher's and the student's softmax over the rows of each group.",
  form: "hint",
  options: z.object({ by: byOption, temperature: temperatureOption }),
  example: "use: listnet-hint\nby: user\ntemperature: 1",
  create({ by, temperature }, context) {
    requireScores("listnet-hint", context);
    return (from, to, { columns }) => {
      const same = sameGroup(columns[by]!);
      const [teacher, student] = [from, to].map((output) =>
        logShares(tf.div(scoresOf(output), temperature) as tf.Tensor1D, same)
      );
      const loss = listLoss(tf.exp(teacher!) as tf.Tensor1D, student!, same);
      return tf.mul(loss, temperature ** 2);
    };
  },
});
export default stage;
