import { defineLoss, type LossStage, tf, z } from "../../plugin.ts";
import {
  byOption,
  labelShares,
  listLoss,
  logShares,
  requireScores,
  sameGroup,
  scoresOf,
} from "./groups.ts";

/**
 * The listwise loss of ListNet (Cao et al., 2007, _Learning to rank: from pairwise approach to
 * listwise approach_, section 4.4, top-one probabilities): the cross-entropy −Σᵢ pᵢ log qᵢ of each
 * group in the batch, averaged over groups. q is the softmax of the scores over the rows of the
 * group. If the label is a number, p is the softmax of the labels. If the label has two classes, p
 * is the label divided by the number of positive rows of the group: the softmax cross-entropy
 * (Bruch et al., 2019, _An analysis of the softmax cross entropy loss for learning-to-rank with
 * binary relevance_). Groups with a single row, or without a positive row, are left out. The loss is
 * a scalar. Its memory grows with the square of the batch size.
 */
const stage: LossStage = defineLoss({
  name: "listnet",
  summary:
    "The cross-entropy between the labels and the softmax of the scores, over the rows of each group.",
  form: "task",
  options: z.object({ by: byOption }),
  example: "use: listnet\non: light\nby: user",
  create({ by }, context) {
    requireScores("listnet", context);
    const isNumber = context.label.kind === "number";
    return (output, label, { columns }) => {
      const same = sameGroup(columns[by]!);
      const target = isNumber
        ? tf.exp(logShares(label as tf.Tensor1D, same)) as tf.Tensor1D
        : labelShares(label, same);
      return listLoss(target, logShares(scoresOf(output), same), same);
    };
  },
});
export default stage;
