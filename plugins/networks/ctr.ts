import {
  defineNetwork,
  type Net,
  type NetName,
  type NetworkStage,
  ops,
  type Scope,
  type tf,
  type VariableAxis,
  type VariableOwner,
  z,
} from "../../plugin.ts";
import { activation, activationNames } from "./activations.ts";
import { ctrEntry, ctrFeature } from "./ctr_features.ts";
import { batchNormalization, dense } from "./layers.ts";

const units = (what: string) =>
  z.array(z.int().positive()).default([]).describe(
    `The widths (numbers of units) of ${what}, one per layer, starting at the input.`,
  );

const netOptions = (what: string) =>
  z.strictObject({ hidden: units(`the ${what}'s own hidden layers`) }).default({ hidden: [] })
    .describe(`The layers that only the ${what} has.`);

/** The embeddings and shared layers below a net's own layers. */
interface Bottom {
  /** The number of outputs. */
  readonly width: number;
  /** What the outputs represent. */
  readonly axis: VariableAxis;
  readonly compute: (
    features: Readonly<Record<string, tf.Tensor>>,
    scope: Scope,
  ) => tf.Tensor;
}

/** A hidden layer: dense, optional batch norm, activation, optional dropout. */
type Hidden = (x: tf.Tensor, scope: Scope) => tf.Tensor;

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
    embedding: z.int().positive().default(16).describe("The number of values per embedding."),
    features: z.record(z.string(), ctrFeature).default({}).describe(
      "How to read individual features, by name. All other features are read with the " +
        "defaults.",
    ),
    shared: units("the shared layers"),
    light: netOptions("light net"),
    booster: netOptions("booster"),
    activation: z.enum(activationNames).default("relu").describe(
      "The activation after each hidden layer: relu, prelu, or dice.",
    ),
    batchNorm: z.boolean().default(false).describe(
      "Whether to apply batch norm to hidden layers before their activation.",
    ),
    dropout: z.number().min(0).lt(1).default(0).describe(
      "The fraction of each hidden layer's units to drop during training.",
    ),
  }),
  batchNorm: ({ batchNorm, activation, features }) =>
    batchNorm || activation === "dice" ||
    Object.values(features).some(({ attention }) => attention?.activation === "dice"),
  example: `use: ctr
embedding: 16
features:
  history: { attention: { to: item, hidden: [36], activation: dice } }
shared: [128]
light: { hidden: [32] }
booster: { hidden: [256, 128] }
activation: prelu`,
  create(options, { features, units, nets, variables }) {
    const both = nets.includes("booster");
    const layers = (
      prefix: string,
      owner: VariableOwner,
      sizes: readonly number[],
      { width, axis }: Pick<Bottom, "width" | "axis">,
    ) =>
      sizes.map((size, index) => {
        const from = index === 0
          ? { width, axis }
          : { width: sizes[index - 1]!, axis: "units" as const };
        return hiddenLayer(`${prefix}/dense${index + 1}`, owner, from, size);
      });

    function hiddenLayer(
      name: string,
      owner: VariableOwner,
      from: Pick<Bottom, "width" | "axis">,
      to: number,
    ): Hidden {
      const layer = dense(variables, name, from.width, to, owner, { from: from.axis });
      const normalize = options.batchNorm
        ? batchNormalization(variables, `${name}/norm`, to, owner)
        : (x: tf.Tensor) => x;
      const activate = activation(variables, name, options.activation, to, owner);
      return (x, scope) => {
        const activated = activate(normalize(layer(x, scope), scope), scope);
        if (options.dropout === 0 || !scope.training) return activated;
        return ops.dropout(activated, options.dropout, scope.seed(name));
      };
    }

    /** Embeddings and the layers next to them. */
    function bottomOf(owner: VariableOwner, prefix: string): Bottom {
      const entry = ctrEntry(variables, features, options, { owner, prefix });
      const own = layers(`${prefix}shared`, owner, options.shared, entry);
      return {
        width: options.shared.at(-1) ?? entry.width,
        axis: own.length > 0 ? "units" : entry.axis,
        compute: (features, scope) =>
          own.reduce((x, layer) => layer(x, scope), entry.compute(features, scope)),
      };
    }

    const separate = options.sharing === "separate";
    const shared = separate ? undefined : bottomOf(both ? "shared" : "light", "");
    const net = (owner: NetName): Net => {
      const bottom = shared ?? bottomOf(owner, `${owner}/`);
      const { hidden } = options[owner];
      const own = layers(owner, owner, hidden, bottom);
      const head = dense(variables, `${owner}/head`, hidden.at(-1) ?? bottom.width, units, owner, {
        from: own.length > 0 ? "units" : bottom.axis,
        to: "classes",
      });
      return (features, scope) => {
        const compute = (scope: Scope) => bottom.compute(features, scope);
        let x = separate ? compute(scope) : scope.shared("bottom", compute);
        const maps = own.map((layer) => x = layer(x, scope));
        return {
          ...Object.fromEntries(maps.map((map, index) => [`hidden${index + 1}`, map])),
          logits: head(x, scope),
        };
      };
    };
    return both ? { light: net("light"), booster: net("booster") } : { light: net("light") };
  },
});
export default stage;
