import { defineNetwork, type Net, type NetworkStage, tf, z } from "@rocket-launching/rocket/plugin";

const stage: NetworkStage = defineNetwork({
  name: "own-head",
  summary: "Linear nets of the image, with an output of the name auxiliary.",
  options: z.object({}),
  create(_options, { units, nets, variables }) {
    const net = (owner: "light" | "booster"): Net => {
      const initializer = { kind: "normal", deviation: 0.1 } as const;
      const shape = [64, units];
      const kernel = variables.add({ name: `${owner}/kernel`, shape, initializer, owner });
      return ({ image }, scope) => {
        const logits = tf.matMul(tf.reshape(image!, [-1, 64]), scope.read(kernel) as tf.Tensor2D);
        return { logits, auxiliary: logits };
      };
    };
    const light = net("light");
    return nets.includes("booster") ? { light, booster: net("booster") } : { light };
  },
});
export default stage;
