import {
  defineLoss,
  hint,
  type LossContext,
  type LossScope,
  type LossStage,
  ops,
  tf,
  UserError,
  z,
} from "../../plugin.ts";
import { shapeText } from "./checks.ts";

/** Transforms the student's output to the shape of the teacher's. */
type Regressor = (output: tf.Tensor, scope: LossScope) => tf.Tensor;

/**
 * The hint of FitNets (Romero et al., 2015, arXiv:1412.6550, equation 3): the squared distance
 * between the teacher's hidden output and the student's hidden output after a learned regressor r,
 * (from − r(to))², one per row. It is the mean over the output (`HintLoss` with `ConvReg` in
 * RepDistiller), or half its sum, as in the FitNets paper. If `from` and `to` are lists, it is
 * summed over layers, each with its own regressor.
 *
 * r is a convolution with bias that has as few parameters as the teacher's shape allows: 1×1 if
 * only the channels differ; otherwise without padding, and so large that the light net's map
 * becomes as small as the teacher's (section 2.2). For vectors, r is a linear layer. It is trained
 * with the nets, belongs to neither of them, and is not exported. The loss works with any label.
 */
const stage: LossStage = defineLoss({
  name: "fitnet",
  summary:
    "The squared distance between hidden outputs of both nets. A learned regressor gives the student's output the shape of the teacher's.",
  form: "hint",
  multiLabel: true,
  options: z.object({
    regressor: z.enum(["where-shapes-differ", "always"]).default("where-shapes-differ").describe(
      "When to change the student's output with a learned regressor. where-shapes-differ: only if the shapes of the two outputs differ. always: also if they are equal.",
    ),
    reduce: z.enum(["mean", "half-sum"]).default("mean").describe(
      "How to reduce the squared differences of a row. mean: their mean. half-sum: half their sum, as in the FitNets paper.",
    ),
  }),
  example: "use: fitnet\nfrom: booster.group2\nto: light.group2\nweight: 100",
  create({ regressor, reduce }, context) {
    const [from, to] = context.shapes;
    const alike = from!.join() === to!.join();
    const regress: Regressor = alike && regressor === "where-shapes-differ"
      ? (output) => output
      : makeRegressor(context);
    const axes = from!.map((_, index) => index + 1);
    return (from, to, scope) => {
      const squares = tf.squaredDifference(from, regress(to, scope));
      return reduce === "mean" ? tf.mean(squares, axes) : tf.mul(tf.sum(squares, axes), 0.5);
    };
  },
});
export default stage;

function makeRegressor({ shapes, variables }: LossContext): Regressor {
  const [from, to] = shapes as [readonly number[], readonly number[]];
  if (from.length !== to.length || ![1, 3].includes(from.length)) {
    throw new UserError(
      "fitnet compares two maps [batch, height, width, channels] or two vectors [batch, units]; " +
        `got ${shapeText(from)} and ${shapeText(to)}`,
      {
        hint: hint(
          "fitnet/kinds",
          "choose outputs of the same kind with `from:` and `to:`, such as booster.logits and light.logits",
          { set: { from: "booster.logits", to: "light.logits" } },
        ),
      },
    );
  }
  const sizes = from.slice(0, -1).map((size, axis) => to[axis]! - size + 1);
  if (sizes.some((size) => size < 1)) {
    throw new UserError(
      `fitnet's regressor can make feature maps smaller but not larger; got ${
        shapeText(from)
      } for the teacher and ` +
        `${shapeText(to)} for the student`,
      {
        hint: hint(
          "fitnet/size",
          "set `from:` to a map of the teacher that is no larger than the student's map",
          {
            edit: "which map is no larger",
          },
        ),
      },
    );
  }
  const inputs = to.at(-1)!, outputs = from.at(-1)!;
  const fan = sizes.reduce((a, b) => a * b, inputs);
  // No activation follows, so a deviation of √(1 / fan-in) preserves the scale.
  const kernel = variables.add({
    name: "regressor/kernel",
    shape: [...sizes, inputs, outputs],
    initializer: { kind: "normal", deviation: Math.sqrt(1 / fan) },
  });
  const bias = variables.add({
    name: "regressor/bias",
    shape: [outputs],
    initializer: { kind: "constant", value: 0 },
  });
  return (output, { read }) => {
    const weights = read(kernel);
    const mapped = sizes.length === 0
      ? tf.matMul(output, weights)
      : ops.conv2d(output as tf.Tensor4D, weights as tf.Tensor4D);
    return ops.biasAdd(mapped, read(bias) as tf.Tensor1D);
  };
}
