import { defineLoss, type LossStage, tf, z } from "../../plugin.ts";
import { flattened, meanOfAll, normalized } from "./vectors.ts";

/**
 * Similarity-preserving distillation (Tung and Mori, 2019, arXiv:1907.09682, equations 1 to 4;
 * `Similarity` in RepDistiller): rows that are similar in the teacher should be similar in the
 * student. With Q the outputs as `[n, size]` and G = Q Qᵀ with each row divided by its length, the
 * loss is ‖G_from − G_to‖² / n². It is a scalar, and is summed over layers if `from` and `to` are
 * lists. The paper's weight γ is 3000.
 *
 * Only similarities within the batch are compared, so the outputs may have different shapes. The
 * loss works with any label.
 */
const stage: LossStage = defineLoss({
  name: "similarity-preserving",
  summary: "The difference between both nets in the similarities between the rows of a batch.",
  form: "hint",
  multiLabel: true,
  options: z.object({}),
  example: "use: similarity-preserving\nfrom: booster.group3\nto: light.group3\nweight: 3000",
  create: () => (from, to) => meanOfAll(tf.squaredDifference(likeness(from), likeness(to))),
});
export default stage;

function likeness(output: tf.Tensor): tf.Tensor {
  const rows = flattened(output);
  return normalized(tf.matMul(rows, rows, false, true));
}
