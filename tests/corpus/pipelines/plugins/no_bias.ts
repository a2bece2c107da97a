import { defineNetwork, type Net, type NetworkStage, tf, z } from "@rocket-launching/rocket/plugin";

const stage: NetworkStage = defineNetwork({
  name: "no-bias",
  summary: "Linear nets of the image without a bias.",
  options: z.object({}),
  create(_options, { units, nets, variables }) {
    const net = (owner: "light" | "booster"): Net => {
      const initializer = { kind: "normal", deviation: 0.1 } as const;
      const shape = [64, units];
      const kernel = variables.add({ name: `${owner}/kernel`, shape, initializer, owner });
      return ({ image }, scope) => ({
        logits: tf.matMul(tf.reshape(image!, [-1, 64]), scope.read(kernel) as tf.Tensor2D),
      });
    };
    const light = net("light");
    return nets.includes("booster") ? { light, booster: net("booster") } : { light };
  },
});
export default stage;
