import {
  defineNetwork,
  layers,
  type Net,
  type NetName,
  type NetworkStage,
  z,
} from "../../plugin.ts";
import { embeddings, hiddenLayers, named, netWidths, normalizes, widths } from "./click_options.ts";
import { eachNet, sharedOwner } from "./nets.ts";

/**
 * Networks for click prediction (Rocket Launching, section 4.3; RocketLaunching in EasyRec). Both
 * nets share the embeddings and the lower layers, unless `sharing` is `separate`. Above them, each
 * net has its own layers and a linear head; a binary label has one logit.
 *
 * Features with ids (`ids:` in the data) become embeddings from sparse tables. Features whose `ids`
 * have the same name share a table. A list of ids is pooled over the places that are not empty: by
 * mean, by sum, or, with `attention`, by a sum weighted by the candidate (Deep Interest Network,
 * Zhou et al., 2018, arXiv:1706.06978, section 4.3):
 *
 * v = Σⱼ a(eⱼ, q) · eⱼ, a(e, q) = W · f([q, e, q − e, q ⊙ e]) + b
 *
 * f is a fully connected network. The weights are not normalized by a softmax, so they preserve the
 * intensity of an interest. Numbers are used unchanged. Outputs in addition to `logits`: `hidden1`,
 * `hidden2`, … of each net, the activations of its own hidden layers.
 */
const stage: NetworkStage = defineNetwork({
  name: "ctr",
  summary:
    "Nets for click prediction: shared embeddings, pooling or attention over lists, shared layers.",
  reads: "numbers and ids",
  options: z.object({
    sharing: z.enum(["bottom", "separate"]).default("bottom").describe(
      "The layers that both nets share. bottom: embeddings and shared layers. separate: each net " +
        "has its own, for a booster that was trained beforehand.",
    ),
    ...embeddings,
    shared: widths("the shared layers"),
    light: netWidths("light net"),
    booster: netWidths("booster"),
    ...hiddenLayers,
  }),
  batchNorm: normalizes,
  example: `use: ctr
embedding: 16
features:
  history: { attention: { to: item, hidden: [36], activation: dice } }
shared: [128]
light: { hidden: [32] }
booster: { hidden: [256, 128] }
activation: prelu`,
  create(options, { features, units, nets, variables }) {
    const separate = options.sharing === "separate";
    /** The embeddings and shared layers below a net's own layers. */
    const bottomOf = (owner: NetName | "shared", prefix: string) => {
      const entry = layers.embedFeatures(variables, features, options, {
        ...{ owner, prefix, shard: options.shard },
      });
      const { width, axis, compute } = layers.tower(
        variables,
        `${prefix}shared`,
        entry,
        { ...options, hidden: options.shared },
        owner,
      );
      const output: layers.EmbeddedFeatures["compute"] = (features, scope) => {
        const x = entry.compute(features, scope);
        return compute(x, scope).at(-1) ?? x;
      };
      return { width, axis, compute: output };
    };

    const shared = separate ? undefined : bottomOf(sharedOwner(nets), "");
    const net = (owner: NetName): Net => {
      const bottom = shared ?? bottomOf(owner, `${owner}/`);
      const { hidden } = options[owner];
      const own = layers.tower(variables, owner, bottom, { ...options, hidden }, owner);
      const head = layers.dense(variables, `${owner}/head`, own.width, units, owner, {
        from: own.axis,
        to: "classes",
      });
      return (features, scope) => {
        const x = separate
          ? bottom.compute(features, scope)
          : scope.shared("bottom", (scope) => bottom.compute(features, scope));
        const maps = own.compute(x, scope);
        return { ...named("hidden", maps), logits: head(maps.at(-1) ?? x, scope) };
      };
    };
    return eachNet(nets, net);
  },
});
export default stage;
