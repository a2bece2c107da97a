import { defineOptimizer, type OptimizerStage, tf, z } from "../../plugin.ts";
import { decayed } from "./decay.ts";
import { adamMove, momentOptions, momentScalars, momentSlots } from "./moments.ts";

/**
 * Adam (Kingma and Ba, 2015, arXiv:1412.6980) as in `torch.optim.Adam`: weight decay is added to
 * the gradient.
 */
const stage: OptimizerStage = defineOptimizer({
  name: "adam",
  summary:
    "Adam with weight decay in the gradient, as in PyTorch; by default, updates only the embedding rows that a step reads.",
  options: z.object({
    ...momentOptions,
    weightDecay: z.number().min(0).default(0).describe(
      "The weight decay: weights × this factor are added to the gradient.",
    ),
  }),
  example: "use: adam\nlearningRate: 0.001",
  elementwise: true,
  slots: momentSlots,
  scalars: momentScalars,
  create: ({ weightDecay, ...options }) => (input) => {
    const gradient = decayed(input.gradient, input.value, weightDecay);
    const { move, slots } = adamMove(gradient, input, options);
    return { value: tf.sub(input.value, move), slots };
  },
});
export default stage;
