import {
  defineOptimizer,
  type OptimizerStage,
  tf,
  z,
} from "@rocket-launching/rocket/plugin";

const myOptimizer: OptimizerStage = defineOptimizer({
  name: "my-optimizer",
  summary: "Moves weights along a decaying mean of the gradients.",
  options: z.object({
    decay: z.number().min(0).lt(1).default(0.9).describe(
      "The fraction of the running mean of the gradients that a step keeps.",
    ),
  }),
  slots: { mean: 0 },
  create: ({ decay }) => ({ value, gradient, slots, learningRate }) => {
    const mean = tf.add(tf.mul(slots.mean, decay), tf.mul(gradient, 1 - decay));
    return {
      value: tf.sub(value, tf.mul(mean, learningRate)),
      slots: { mean },
    };
  },
});
export default myOptimizer;
