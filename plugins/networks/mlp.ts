import {
  defineNetwork,
  layers as parts,
  type Net,
  type NetName,
  type NetworkStage,
  ops,
  tf,
  type VariableAxis,
  type VariableOwner,
  z,
} from "../../plugin.ts";
import { eachNet, sharedOwner } from "./nets.ts";

const { dense } = parts;

const units = (what: string) =>
  z.array(z.int().positive()).describe(
    `The widths (numbers of units) of ${what}, one per layer, starting at the input.`,
  );

/**
 * Fully connected nets on all features side by side, with shared lower layers (Rocket Launching,
 * figure 1): the shared layers, then each net's own layers, then its linear head. A relu follows
 * each hidden layer. The outputs are `hidden1`, `hidden2`, … of each net's own layers, after the
 * relu, and `logits`.
 */
const stage: NetworkStage = defineNetwork({
  name: "mlp",
  summary: "Fully connected nets with shared lower layers.",
  options: z.object({
    shared: units("the shared layers").default([]),
    light: units("the light net's own hidden layers").default([]),
    booster: units("the booster's own hidden layers").default([]),
  }),
  example: `use: mlp
shared: [128]
light: [32]
booster: [256, 128]`,
  create(options, { features, units, nets, variables }) {
    const names = Object.keys(features);
    const inputs = names.reduce(
      (sum, name) => sum + features[name]!.shape.reduce((a, b) => a * b, 1),
      0,
    );
    const entryAxis: VariableAxis = { features: names };
    const layers = (
      prefix: string,
      owner: VariableOwner,
      sizes: readonly number[],
      from: number,
      fromAxis: VariableAxis,
    ) =>
      sizes.map((size, index) =>
        dense(variables, `${prefix}/dense${index + 1}`, sizes[index - 1] ?? from, size, owner, {
          from: index === 0 ? fromAxis : "units",
        })
      );
    const hidden = (
      layers: readonly parts.Layer[],
      x: tf.Tensor,
      scope: Parameters<parts.Layer>[1],
    ) => layers.map((layer) => x = ops.relu(layer(x, scope)));

    const shared = layers("shared", sharedOwner(nets), options.shared, inputs, entryAxis);
    const bottom = options.shared.at(-1) ?? inputs;
    const bottomAxis = shared.length > 0 ? "units" : entryAxis;

    const net = (owner: NetName): Net => {
      const own = layers(owner, owner, options[owner], bottom, bottomAxis);
      const head = dense(
        variables,
        `${owner}/head`,
        options[owner].at(-1) ?? bottom,
        units,
        owner,
        { from: own.length > 0 ? "units" : bottomAxis, to: "classes" },
      );
      return (features, scope) => {
        const flat = names.map((name) => {
          const [batch, ...shape] = features[name]!.shape;
          return features[name]!.toFloat().reshape([batch!, shape.reduce((a, b) => a * b, 1)]);
        });
        const x = tf.concat(flat, 1);
        const entry = shared.length === 0
          ? x
          : scope.shared("bottom", (scope) => hidden(shared, x, scope).at(-1)!);
        const maps = hidden(own, entry, scope);
        return {
          ...Object.fromEntries(maps.map((map, index) => [`hidden${index + 1}`, map])),
          logits: head(maps.at(-1) ?? entry, scope),
        };
      };
    };
    return eachNet(nets, net);
  },
});
export default stage;
