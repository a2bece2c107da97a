import { defineOptimizer, type OptimizerStage, tf, z } from "../../plugin.ts";
import { adamMove, momentOptions, momentScalars, momentSlots } from "./moments.ts";

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, 2019, arXiv:1711.05101) as in
 * `torch.optim.AdamW`: first w −= rate · weightDecay · w, then the update of Adam for the gradient
 * without a penalty.
 */
const stage: OptimizerStage = defineOptimizer({
  name: "adamw",
  summary:
    "Adam with decoupled weight decay, as in PyTorch; by default, updates only the embedding rows that a step reads.",
  options: z.object({
    ...momentOptions,
    weightDecay: z.number().min(0).default(0.01).describe(
      "The decoupled weight decay: weights are multiplied by 1 − learning rate × this " + "factor.",
    ),
  }),
  example: "use: adamw\nlearningRate: 0.001\nweightDecay: 0.01",
  elementwise: true,
  slots: momentSlots,
  scalars: momentScalars,
  create: ({ weightDecay, ...options }) => (input) => {
    const kept = tf.sub(input.value, tf.mul(tf.mul(input.value, weightDecay), input.learningRate));
    const { move, slots } = adamMove(input.gradient, input, options);
    return { value: tf.sub(kept, move), slots };
  },
});
export default stage;
