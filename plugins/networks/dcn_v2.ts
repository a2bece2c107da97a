import {
  defineNetwork,
  layers,
  type Net,
  type NetName,
  type NetworkStage,
  tf,
  z,
} from "../../plugin.ts";
import { embeddings, hiddenLayers, named, normalizes, sharing, widths } from "./click_options.ts";
import { eachNet, sharedOwner } from "./nets.ts";

const netOptions = (what: string) =>
  z.strictObject({
    cross: z.int().nonnegative().default(2).describe(`The number of cross layers of the ${what}.`),
    rank: z.int().positive().optional().describe(
      "The rank of the matrix of each cross layer; by default, the matrix is full.",
    ),
    hidden: widths(`the ${what}'s own hidden layers`),
  }).default({ cross: 2, hidden: [] }).describe(`The layers that only the ${what} has.`);

/**
 * DCN-V2 (Wang et al., 2021, arXiv:2008.13535): cross layers, which multiply features with each
 * other, and hidden layers. x₀ is the concatenation of the embeddings of all features with ids and
 * of the numbers. A cross layer computes
 *
 * xₗ₊₁ = x₀ ⊙ (W xₗ + b) + xₗ
 *
 * With `rank: r`, W is the product U Vᵀ of two matrices with r columns. With `structure: stacked`,
 * the hidden layers read the output of the last cross layer, and the head reads that of the last
 * hidden layer. With `parallel`, the hidden layers read x₀, and the head reads both outputs,
 * concatenated. Inputs and outputs: features of ids and of numbers, `[batch]` or `[batch, n]`, and
 * `logits`, `[batch, units]`; in addition, `cross1`, `cross2`, … and `hidden1`, `hidden2`, … of each
 * net.
 *
 * Both nets share the embeddings, unless `sharing` is `separate`. All layers are each net's own.
 */
const stage: NetworkStage = defineNetwork({
  name: "dcn-v2",
  summary: "Nets for click prediction: DCN-V2, cross layers and hidden layers.",
  reads: "numbers and ids",
  options: z.object({
    sharing: sharing("embeddings"),
    ...embeddings,
    structure: z.enum(["stacked", "parallel"]).default("stacked").describe(
      "Whether the hidden layers read the output of the cross layers, or x₀ beside them.",
    ),
    light: netOptions("light net"),
    booster: netOptions("booster"),
    ...hiddenLayers,
  }),
  batchNorm: normalizes,
  example: `use: dcn-v2
embedding: 16
light: { cross: 1, rank: 8, hidden: [64] }
booster: { cross: 3, hidden: [400, 400] }`,
  create(options, { features, units, nets, variables }) {
    const separate = options.sharing === "separate";
    const entryOf = (owner: NetName | "shared", prefix: string) =>
      layers.embedFeatures(variables, features, options, {
        ...{ owner, prefix, shard: options.shard },
      });
    const shared = separate ? undefined : entryOf(sharedOwner(nets), "");
    const net = (owner: NetName): Net => {
      const entry = shared ?? entryOf(owner, `${owner}/`);
      const { cross, rank, hidden } = options[owner];
      const crosses = Array.from(
        { length: cross },
        (_, index) =>
          layers.crossLayer(variables, `${owner}/cross${index + 1}`, entry, rank, owner),
      );
      const own = layers.tower(variables, owner, entry, { ...options, hidden }, owner);
      const beside = options.structure === "parallel" && hidden.length > 0;
      const from: layers.Units = beside
        ? {
          width: entry.width + own.width,
          axis: { features: [...entry.axis.features, { units: own.width }] },
        }
        : own;
      const head = layers.dense(variables, `${owner}/head`, from.width, units, owner, {
        from: from.axis,
        to: "classes",
      });
      return (features, scope) => {
        const first = separate
          ? entry.compute(features, scope)
          : scope.shared("vectors", (scope) => entry.compute(features, scope));
        let x = first;
        const crossed = crosses.map((layer) => x = layer(first, x, scope));
        const maps = own.compute(beside ? first : x, scope);
        const last = maps.at(-1) ?? x;
        return {
          ...named("cross", crossed),
          ...named("hidden", maps),
          logits: head(beside ? tf.concat([x, last], 1) : last, scope),
        };
      };
    };
    return eachNet(nets, net);
  },
});
export default stage;
