import {
  defineNetwork,
  type Net,
  type NetName,
  type NetworkStage,
  ops,
  tf,
  type Variable,
  type VariableOwner,
  z,
} from "@rocket-launching/rocket/plugin";

const myNetwork: NetworkStage = defineNetwork({
  name: "my-network",
  summary:
    "One shared layer, then a head for each net; the booster has one more layer.",
  options: z.object({
    shared: z.int().positive().default(16).describe(
      "The number of units of the shared layer.",
    ),
    booster: z.int().positive().default(32).describe(
      "The number of units of the booster's own layer.",
    ),
  }),
  create(options, { features, units, nets, variables }) {
    const [feature] = Object.keys(features) as [string];
    const inputs = features[feature]!.shape.reduce(
      (product, size) => product * size,
      1,
    );
    const kernel = (
      name: string,
      from: number,
      to: number,
      owner: VariableOwner,
    ) =>
      variables.add({
        name,
        shape: [from, to],
        initializer: { kind: "normal", deviation: Math.sqrt(2 / from) },
        owner,
      });
    const pair = nets.includes("booster");
    const bottom = kernel(
      "bottom",
      inputs,
      options.shared,
      pair ? "shared" : "light",
    );
    const below: (...args: Parameters<Net>) => tf.Tensor = (features, scope) =>
      scope.shared("bottom", (scope) => {
        const flat = tf.reshape(features[feature]!, [-1, inputs]);
        return ops.relu(tf.matMul(flat, scope.read(bottom)));
      });
    const net = (
      owner: NetName,
      hidden: Variable | undefined,
      width: number,
    ): Net => {
      const head = kernel(`${owner}/head`, width, units, owner);
      return (features, scope) => {
        const x = below(features, scope);
        const top = hidden ? ops.relu(tf.matMul(x, scope.read(hidden))) : x;
        return { logits: tf.matMul(top, scope.read(head)) };
      };
    };
    const light = net("light", undefined, options.shared);
    if (!pair) return { light };
    const hidden = kernel(
      "booster/hidden",
      options.shared,
      options.booster,
      "booster",
    );
    return { light, booster: net("booster", hidden, options.booster) };
  },
});
export default myNetwork;
