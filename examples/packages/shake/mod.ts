/**
 * The gradient stage `shake` for pipelines of Rocket.
 *
 * @module
 */

import {
  defineGradient,
  type GradientContext,
  type GradientStage,
  layers,
  type LossScope,
  ops,
  type PolicyHead,
  tf,
  UserError,
  type Variable,
  z,
} from "@rocket-launching/rocket/plugin";

const weight = (what: string) => z.number().nonnegative().max(1e6).default(1).describe(what);

/**
 * SHAKE, shadow knowledge distillation (Li and Jin, NeurIPS 2022, "Shadow Knowledge Distillation:
 * Bridging Offline and Online Knowledge Transfer"), with the losses of the authors' code
 * (github.com/lliai/SHAKE).
 *
 * A proxy head reads feature maps of the teacher, as constants, and predicts logits p. It stands in
 * for the teacher: it adapts to the student, which the teacher does not have to do. With the hint
 * loss L of the entry, the teacher's logits t, the student's logits s, the label y, and sg for a
 * constant, the policy adds four losses:
 *
 * L(sg p → s) + L(sg s → p) + mean (t − p)² + H(y, p)
 *
 * The student learns from the head only. The head learns from the student (`reverse`), from the
 * teacher (`mimic`), and from the label (`label`); an option is the weight of its loss. The teacher
 * receives no gradient. For the student to learn from the teacher itself as well, add a second entry
 * of the hint loss.
 *
 * Maps are fused as in the authors' code, from the lowest to the highest: x is the first map, and
 * each further map m gives x ← C₃(x) + C₁(m), where C₃ is a 3 × 3 convolution with the stride
 * between the maps, and C₁ a 1 × 1 convolution, each with batch norm and relu. A last C₃, average
 * pooling, and a linear layer give the logits. Batch norms use the statistics of the batch, as the
 * head is only used in training. The linear layer is the head's own; the authors reuse the
 * teacher's, as a constant. Vectors are concatenated, and `hidden` layers with relu follow.
 */
const shake: GradientStage = defineGradient({
  name: "shake",
  rocket: "^0.1",
  summary:
    "SHAKE: a small head on the teacher and the student learn from each other; the teacher does not change.",
  options: z.object({
    features: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)], {
      error: "expected an output of a net, such as booster.group3, or a list of them",
    }).default("booster.features").describe(
      "The outputs of the teacher that the head reads: vectors, or maps from the lowest to the " +
        "highest, such as [booster.group1, booster.group2, booster.group3].",
    ),
    hidden: z.array(z.int().positive()).default([]).describe(
      "The widths of the head's hidden layers, if it reads vectors.",
    ),
    reverse: weight("The weight of the loss by which the head learns from the student."),
    mimic: weight("The weight of the loss by which the head learns from the teacher's logits."),
    label: weight("The weight of the loss by which the head learns from the label."),
  }),
  example: "use: jsr:@rocket-launching/shake\nfeatures: booster.features",
  create({ features, hidden, reverse, mimic, label }, context) {
    const head = headOf([features].flat(), hidden, context);
    const toHead = { from: 0, to: 1, shared: 1, student: head };
    return [
      { from: 0, to: 1, shared: 1, teacher: head },
      ...(reverse > 0 ? [{ ...toHead, to: reverse, reversed: true }] : []),
      ...(mimic > 0
        ? [{
          ...toHead,
          loss: (teacher: tf.Tensor, head: tf.Tensor) =>
            tf.mul(tf.mean(tf.squaredDifference(teacher, head), -1), mimic),
        }]
        : []),
      ...(label > 0
        ? [{
          ...toHead,
          loss: (_teacher: tf.Tensor, head: tf.Tensor, scope: LossScope) =>
            tf.mul(crossEntropy(head, scope.label), label),
        }]
        : []),
    ];
  },
});
export default shake;

/** H(y, ·) of each row, `[batch]`: of the softmax, or of the sigmoid of a single logit. */
function crossEntropy(logits: tf.Tensor, label: tf.Tensor): tf.Tensor {
  return logits.shape[1] === 1
    ? ops.sigmoidCrossEntropy(tf.reshape(logits, [-1]) as tf.Tensor1D, label as tf.Tensor1D)
    : ops.softmaxCrossEntropy(logits as tf.Tensor2D, label as tf.Tensor1D);
}

/** Computes a part of the head from its input. */
type Part = (x: tf.Tensor, scope: LossScope) => tf.Tensor;

function headOf(
  reads: readonly string[],
  hidden: readonly number[],
  { label, shapes: [from], shapeOf, variables }: GradientContext,
): PolicyHead {
  const units = label.kind === "class" ? label.classes : 1;
  if (label.kind === "number" || `${from}` !== `${units}`) {
    throw new UserError(
      label.kind === "number"
        ? "shake needs a label of kind binary or class, not a number"
        : `shake needs a hint loss on logits [batch, ${units}]; got [${
          ["batch", ...from!].join(", ")
        }]`,
      { hint: "use it with a hint loss such as kl, from: booster.logits, to: light.logits" },
    );
  }
  const shapes = reads.map((output) => shapeOf(output));
  if (shapes.every(({ length }) => length === 1)) {
    const widths = [shapes.reduce((sum, [width]) => sum + width!, 0), ...hidden];
    const tower = hidden.map((to, index) =>
      layers.dense(variables, `hidden${index + 1}`, widths[index]!, to, "loss")
    );
    const last = layers.dense(variables, "logits", widths.at(-1)!, units, "loss");
    return {
      reads,
      compute: (outputs, scope) =>
        last(
          tower.reduce((x, layer) => ops.relu(layer(x, scope)), tf.concat([...outputs], 1)),
          scope,
        ),
    };
  }
  if (shapes.some(({ length }) => length !== 3) || hidden.length > 0) {
    throw new UserError(
      hidden.length > 0
        ? "`hidden` is for a head that reads vectors; this one reads maps"
        : "the head of shake reads either vectors [batch, units] or maps [batch, height, width, channels]",
      { hint: "write `features: booster.features`, or name maps and omit `hidden`" },
    );
  }
  const maps = shapes as [number, number, number][];
  const fuses = maps.slice(1).map(([height, , channels], index) => {
    const [below, , from] = maps[index]!;
    const stride = Math.max(1, Math.round(below / height));
    return {
      across: convolution(variables, `fuse${index + 1}/across`, 3, from, channels, stride),
      beside: convolution(variables, `fuse${index + 1}/beside`, 1, channels, channels, 1),
    };
  });
  const channels = maps.at(-1)![2];
  const top = convolution(variables, "top", 3, channels, channels, 1);
  const last = layers.dense(variables, "logits", channels, units, "loss");
  return {
    reads,
    compute([first, ...others], scope) {
      let x = first!;
      others.forEach((map, index) => {
        const { across, beside } = fuses[index]!;
        x = tf.add(across(x, scope), beside(map, scope));
      });
      return last(tf.mean(top(x, scope), [1, 2]), scope);
    },
  };
}

/** A convolution with batch norm by the statistics of the batch, and relu. */
function convolution(
  variables: GradientContext["variables"],
  name: string,
  size: number,
  from: number,
  to: number,
  stride: number,
): Part {
  const shape = { size, from, to, stride, padding: size >> 1 };
  const layer = layers.convolution(variables, name, shape, "loss");
  const vector = (part: string, value: number): Variable =>
    variables.add({
      name: `${name}/norm/${part}`,
      shape: [to],
      initializer: { kind: "constant", value },
    });
  const scale = vector("scale", 1), offset = vector("offset", 0);
  return (x, scope) => {
    const { y } = ops.batchNorm(layer(x, scope), {
      scale: scope.read(scale) as tf.Tensor1D,
      offset: scope.read(offset) as tf.Tensor1D,
      mean: tf.zeros([to]),
      variance: tf.ones([to]),
    }, { training: true });
    return ops.relu(y);
  };
}
