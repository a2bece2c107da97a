import { defineLoss, hint, type LossStage, tf, UserError, z } from "../../plugin.ts";
import { requireUnits } from "./checks.ts";
import { lengths, meanOfAll, normalized, smoothL1 } from "./vectors.ts";

/**
 * Relational knowledge distillation (Park et al., 2019, arXiv:1904.05068, equations 4 to 9;
 * metric/loss.py in RKD): the rows of a batch should have the same relations to each other as in
 * the teacher. The loss is λ_D · the mean over pairs of ℓ(d_from, d_to) + λ_A · the mean over
 * triplets of ℓ(∠_from, ∠_to). d is the distance of two rows divided by the mean distance in the
 * batch, ∠ is the cosine of the angle at one row between two others, and ℓ is the smooth L1
 * distance. Means are over all n² and n³ combinations, as in the authors' code. The loss is a
 * scalar. The two outputs may have different numbers of units.
 *
 * It works with any logits or hidden vectors and any label. A single unit has no angles, so λ_A
 * must be 0.
 */
const stage: LossStage = defineLoss({
  name: "relational-kd",
  summary:
    "The difference between both nets in the distances and angles between the rows of a batch.",
  form: "hint",
  multiLabel: true,
  options: z.object({
    distance: z.number().min(0).default(25).describe(
      "The weight λ_D of the term that compares distances between rows.",
    ),
    angle: z.number().min(0).default(50).describe(
      "The weight λ_A of the term that compares angles between rows. Its memory grows with the cube of the batch size.",
    ),
  }),
  example:
    "use: relational-kd\nfrom: booster.features\nto: light.features\ndistance: 25\nangle: 50",
  create({ distance, angle }, { shapes }) {
    for (const shape of shapes) {
      requireUnits("relational-kd", shape);
      if (angle === 0 || shape[0]! > 1) continue;
      throw new UserError(
        "relational-kd cannot compare angles between outputs that have only one unit",
        {
          hint: hint("relational-kd/angle", "set `angle: 0`, or compare hidden outputs", {
            set: { angle: 0 },
          }),
        },
      );
    }
    return (from, to) => {
      const one = differences(from), other = differences(to);
      const parts = [
        ...(distance > 0
          ? [tf.mul(meanOfAll(smoothL1(distances(one), distances(other))), distance)]
          : []),
        ...(angle > 0 ? [tf.mul(meanOfAll(smoothL1(angles(one), angles(other))), angle)] : []),
      ];
      return parts.length > 0 ? tf.addN(parts) : tf.scalar(0);
    };
  },
});
export default stage;

/** The differences between all pairs of rows, `[n, n, units]`. */
function differences(x: tf.Tensor): tf.Tensor {
  return tf.sub(tf.expandDims(x, 0), tf.expandDims(x, 1));
}

/** Distances divided by their mean over different rows, `[n, n]`. */
function distances(differences: tf.Tensor): tf.Tensor {
  const rows = differences.shape[0]!;
  const lengthsOf = tf.squeeze(lengths(differences), [2]);
  const others = Math.max(rows - 1, 1);
  const mean = tf.mean(tf.div(tf.sum(lengthsOf, 1), others));
  return tf.div(lengthsOf, tf.maximum(mean, 1e-6));
}

/** Cosines of the angles at each row between two other rows, `[n, n, n]`. */
function angles(differences: tf.Tensor): tf.Tensor {
  const directions = normalized(differences);
  return tf.matMul(directions, directions, false, true);
}
