import {
  defineLoss,
  type LossStage,
  tf,
  z,
} from "@rocket-launching/rocket/plugin";

const myLoss: LossStage = defineLoss({
  name: "my-loss",
  summary: "The absolute difference between two outputs, summed over units.",
  form: "hint", // or "task", to compare an output with the label
  options: z.object({
    scale: z.number().positive().default(1).describe(
      "The factor that multiplies the loss.",
    ),
  }),
  create: ({ scale }) => (from, to) =>
    tf.mul(tf.sum(tf.abs(tf.sub(from, to)), -1), scale),
});
export default myLoss;
