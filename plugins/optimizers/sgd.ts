import { defineOptimizer, hint, type OptimizerStage, tf, UserError, z } from "../../plugin.ts";
import { decayed } from "./decay.ts";

/**
 * Stochastic gradient descent as in `torch.optim.SGD`, without dampening: g = gradient +
 * weightDecay · w; m = momentum · m + g; w −= rate · m, or with Nesterov momentum w −= rate · (g +
 * momentum · m). Weight decay applies to all variables, including those of batch norms, as in the
 * code of the Rocket Launching paper.
 */
const stage: OptimizerStage = defineOptimizer({
  name: "sgd",
  summary:
    "SGD with momentum and weight decay, as in PyTorch; by default, updates only the embedding rows that a step reads.",
  options: z.object({
    momentum: z.number().min(0).lt(1).default(0).describe("The momentum factor."),
    nesterov: z.boolean().default(false).describe(
      "Whether to use Nesterov momentum; requires momentum.",
    ),
    weightDecay: z.number().min(0).default(0).describe(
      "The weight decay: weights × this factor are added to the gradient.",
    ),
  }),
  example: "use: sgd\nlearningRate: 0.1\nmomentum: 0.9\nweightDecay: 5e-4",
  elementwise: true,
  slots: ({ momentum }) => momentum === 0 ? {} : { momentum: 0 },
  create({ momentum, nesterov, weightDecay }) {
    if (nesterov && momentum === 0) {
      throw new UserError("sgd with `nesterov: true` needs momentum", {
        exitCode: 2,
        hint: hint("sgd/nesterov", "add `momentum: 0.9`, or remove `nesterov`", [
          { set: { momentum: 0.9 } },
          { remove: ["nesterov"] },
        ]),
      });
    }
    return ({ value, gradient, slots, learningRate }) => {
      const g = decayed(gradient, value, weightDecay);
      if (momentum === 0) return { value: tf.sub(value, tf.mul(g, learningRate)), slots };
      const m = tf.add(tf.mul(slots.momentum, momentum), g);
      const move = nesterov ? tf.add(g, tf.mul(m, momentum)) : m;
      return { value: tf.sub(value, tf.mul(move, learningRate)), slots: { momentum: m } };
    };
  },
});
export default stage;
