import { defineLoss, type LossStage, tf, z } from "../../plugin.ts";
import { requireSameShape, requireUnits } from "./checks.ts";
import { normalized } from "./vectors.ts";

/**
 * Feature-based distillation of hidden layers of equal width, as in EasyRec's RocketLaunching
 * model (`feature_based_sim()` in rocket_launching.py). `cosine`: −cos(from, to), one per row;
 * EasyRec's weight is 0.1. `euclid`: the length of from − to over the whole batch, √(Σ over rows
 * and units of (from − to)²), a scalar that grows with the square root of the batch size.
 *
 * EasyRec pairs each hidden layer of the light net with the first layer of the booster that has
 * the same width. Here, `from` and `to` name the layers. The loss works with any label.
 */
const stage: LossStage = defineLoss({
  name: "hidden-similarity",
  summary:
    "Compares hidden layers of equal width by their negative cosine similarity or their Euclidean distance, as in EasyRec.",
  form: "hint",
  multiLabel: true,
  options: z.object({
    measure: z.enum(["cosine", "euclid"]).default("cosine").describe(
      "How to compare the hidden layers: negative cosine similarity (cosine) or Euclidean distance (euclid).",
    ),
  }),
  example: "use: hidden-similarity\nfrom: booster.hidden2\nto: light.hidden1\nweight: 0.1",
  create({ measure }, context) {
    requireSameShape("hidden-similarity", context);
    requireUnits("hidden-similarity", context.shapes[0]!);
    return measure === "cosine"
      ? (from, to) => tf.neg(tf.sum(tf.mul(normalized(from), normalized(to)), -1))
      : (from, to) => tf.sqrt(tf.maximum(tf.sum(tf.squaredDifference(from, to)), 1e-24));
  },
});
export default stage;
