import { defineOptimizer, type OptimizerStage, tf, z } from "../../plugin.ts";
import { decayed } from "./decay.ts";

/** Adagrad (Duchi et al., 2011) as in `torch.optim.Adagrad`: s += g²; w −= rate · g / (√s + ε). */
const stage: OptimizerStage = defineOptimizer({
  name: "adagrad",
  summary: "Adagrad, as in PyTorch; by default, updates only the embedding rows that a step reads.",
  options: z.object({
    initial: z.number().min(0).default(0).describe(
      "The initial value of the sum of squared gradients.",
    ),
    epsilon: z.number().positive().default(1e-10).describe(
      "The constant added to the square root in the denominator.",
    ),
    weightDecay: z.number().min(0).default(0).describe(
      "The weight decay: weights × this factor are added to the gradient.",
    ),
  }),
  example: "use: adagrad\nlearningRate: 0.01",
  elementwise: true,
  slots: ({ initial }) => ({ square: initial }),
  create: ({ epsilon, weightDecay }) => ({ value, gradient, slots, learningRate }) => {
    const g = decayed(gradient, value, weightDecay);
    const square = tf.add(slots.square, tf.square(g));
    const move = tf.mul(tf.div(g, tf.add(tf.sqrt(square), epsilon)), learningRate);
    return { value: tf.sub(value, move), slots: { square } };
  },
});
export default stage;
