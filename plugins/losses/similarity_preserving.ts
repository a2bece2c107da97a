import { defineLoss, type LossStage, tf, z } from "../../plugin.ts";
import { flattened, meanOfAll, normalized } from "./vectors.ts";

/**
 * Similarity-preserving distillation (Tung and Mori, 2019, arXiv:1907.09682, equations 1 to 4; `Similarity` in RepDistiller): rows that
 * are alike to the teacher shall be alike to the student. With Q the outputs as `[n, size]`, G = Q Qᵀ with each row divided by its length, the loss
 * is ‖G_from − G_to‖² / n². A scalar; summed over layers where `from` and `to` are lists. The paper's weight γ is 3000.
 *
 * Only the batch is compared, so that outputs may differ in shape; it works with any label.
 */
const stage: LossStage = defineLoss({
  name: "similarity-preserving",
  summary: "The difference of the similarities between the rows of a batch from the teacher's.",
  form: "hint",
  options: z.object({}),
  example: "use: similarity-preserving\nfrom: booster.group3\nto: light.group3\nweight: 3000",
  create: () => (from, to) => meanOfAll(tf.squaredDifference(likeness(from), likeness(to))),
});
export default stage;

function likeness(output: tf.Tensor): tf.Tensor {
  const rows = flattened(output);
  return normalized(tf.matMul(rows, rows, false, true));
}
