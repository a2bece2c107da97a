/**
 * The loss stage `focal-loss` for pipelines of Rocket.
 *
 * @module
 */

import {
  defineLoss,
  type LabelSpec,
  type LossStage,
  ops,
  tf,
  UserError,
  z,
} from "@rocket-launching/rocket/plugin";

const weight = z.number().nonnegative().max(1e30);

/**
 * The focal loss (Lin et al., 2017, arXiv:1708.02002, equations 4 and 5):
 *
 * FL = −α_t (1 − p_t)^γ log p_t
 *
 * p_t is the probability that a net gives to the class of the row: for a label of kind `binary`,
 * the sigmoid of the logit or of its negative, and for a label of kind `class`, the softmax of the
 * logits. The factor (1 − p_t)^γ is small for rows that the net already classifies well. With γ = 0
 * and without `alpha`, the loss is the cross-entropy.
 *
 * The loss is computed from log p_t and log (1 − p_t), so it and its gradients stay finite for
 * logits of any size. It returns one number per row, `[batch]`; the total is the mean over rows.
 * (The paper divides by the number of positive rows of an image instead.)
 */
const focalLoss: LossStage = defineLoss({
  name: "focal-loss",
  rocket: "^0.1",
  summary: "Cross-entropy with less weight on rows that are classified well (Lin et al., 2017).",
  form: "task",
  options: z.object({
    gamma: z.number().min(0).max(100).default(2).describe(
      "The exponent γ of the factor (1 − p_t)^γ. 0 is the cross-entropy.",
    ),
    alpha: z.union([weight, z.array(weight).min(2)], {
      error: "expected a number, or a list with one number per class",
    }).optional().describe(
      "The factor α of the class of the row. For a binary label, a number from 0 to 1: α for the " +
        "value 1, and 1 − α for the value 0; the paper uses 0.25. A list: one factor per class, in " +
        "the order of the classes. By default, 1 for all classes.",
    ),
  }),
  example: "use: jsr:@rocket-launching/focal-loss\non: light",
  create({ gamma, alpha }, { label, shapes: [shape] }) {
    const units = unitsOf(label);
    if (shape!.length !== 1 || shape![0] !== units) {
      throw new UserError(
        `focal-loss compares logits [batch, ${units}]; got [${["batch", ...shape!].join(", ")}]`,
        {
          hint: "write `on: light` or `on: booster`",
        },
      );
    }
    const factors = factorsOf(alpha, label);
    return (logits, label) => {
      const { negativeLog, logOfRest } = units === 1
        ? binary(logits, label)
        : classes(logits, label, units);
      const focal = gamma === 0
        ? negativeLog
        : tf.mul(negativeLog, tf.exp(tf.mul(logOfRest, gamma)));
      return factors ? tf.mul(focal, factorOfRow(factors, label)) : focal;
    };
  },
});
export default focalLoss;

/** −log p_t and log (1 − p_t) of each row, `[batch]`. */
interface Logarithms {
  readonly negativeLog: tf.Tensor;
  readonly logOfRest: tf.Tensor;
}

function binary(logits: tf.Tensor, label: tf.Tensor): Logarithms {
  const logit = tf.reshape(logits, [-1]) as tf.Tensor1D;
  const of = (label: tf.Tensor) => ops.sigmoidCrossEntropy(logit, label as tf.Tensor1D);
  return { negativeLog: of(label), logOfRest: tf.neg(of(tf.sub(1, label))) };
}

function classes(
  logits: tf.Tensor,
  label: tf.Tensor,
  units: number,
): Logarithms {
  const negativeLog = ops.softmaxCrossEntropy(
    logits as tf.Tensor2D,
    label as tf.Tensor1D,
  );
  // The probability of all other classes together: without the logit of the own class.
  const others = tf.sub(logits, tf.mul(tf.oneHot(label, units), LARGE));
  return {
    negativeLog,
    logOfRest: tf.sub(tf.logSumExp(others, -1), tf.logSumExp(logits, -1)),
  };
}

/** A number whose negative exponential is 0, and that no difference of logits reaches. */
const LARGE = 1e9;

/** The factor α of the class of each row, `[batch]`. */
function factorOfRow(factors: readonly number[], label: tf.Tensor): tf.Tensor {
  const own = tf.oneHot(tf.cast(label, "int32"), factors.length);
  return tf.sum(tf.mul(own, [...factors]), -1);
}

/** The number of logits of a net with this label. */
function unitsOf({ kind, classes }: LabelSpec): number {
  if (kind !== "number") return kind === "class" ? classes : 1;
  throw new UserError(
    "focal-loss needs a label of kind binary or class, not a number",
    {
      hint: "use mean-squared-error, or write data.label: { column: …, kind: binary }",
    },
  );
}

/** The factors of all classes, in the order of the classes; undefined if all are 1. */
function factorsOf(
  alpha: number | readonly number[] | undefined,
  { kind, classes }: LabelSpec,
): readonly number[] | undefined {
  if (alpha === undefined) return undefined;
  if (typeof alpha !== "number") {
    if (alpha.length === classes) return alpha;
    throw new UserError(
      `\`alpha\` has ${alpha.length} factors; the label has ${classes} classes`,
      { hint: "list one factor for each class" },
    );
  }
  if (kind === "binary" && alpha <= 1) return [1 - alpha, alpha];
  const problem = kind === "binary"
    ? `\`alpha\` of a binary label is a number from 0 to 1; got ${alpha}`
    : "`alpha` is a list for a label of kind class, with one factor for each class";
  throw new UserError(problem, {
    hint: kind === "binary" ? "write `alpha: 0.25`" : "list one factor for each class",
  });
}
