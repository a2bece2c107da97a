import {
  defineNetwork,
  hint,
  layers,
  type Net,
  type NetName,
  type NetworkStage,
  tf,
  UserError,
  z,
} from "../../plugin.ts";
import {
  hiddenLayers,
  named,
  netWidths,
  normalizes,
  pooledFeatures,
  sharing,
} from "./click_options.ts";
import { eachNet, sharedOwner } from "./nets.ts";

/**
 * DeepFM (Guo et al., 2017, arXiv:1703.04247): a factorization machine and a fully connected net on
 * the same embeddings. The logit is the sum of both:
 *
 * y = ⟨w, x⟩ + Σᵢ Σⱼ₍ⱼ﹥ᵢ₎ ⟨vᵢ, vⱼ⟩ xᵢ xⱼ + DNN([v₁x₁, v₂x₂, …])
 *
 * Each feature with ids is a field, whose vector v is the embedding of its id and whose x is 1; the
 * vector of a list is pooled. Each number x is a field as well, with a trained vector v of its own.
 * All vectors have the size `embedding`. Inputs and outputs: features of ids and of numbers,
 * `[batch]` or `[batch, n]`, and `logits`, `[batch, 1]`; in addition, `hidden1`, `hidden2`, … of
 * each net, the activations of its own hidden layers.
 *
 * The factorization machine (the vectors v and the weights w) is shared by both nets, unless
 * `sharing` is `separate`; the hidden layers and the head of the DNN are each net's own.
 */
const stage: NetworkStage = defineNetwork({
  name: "deepfm",
  summary: "Nets for click prediction: DeepFM, a factorization machine and hidden layers.",
  reads: "numbers and ids",
  options: z.object({
    sharing: sharing("embeddings and the weights of the factorization machine"),
    ...pooledFeatures,
    light: netWidths("light net"),
    booster: netWidths("booster"),
    ...hiddenLayers,
  }),
  batchNorm: normalizes,
  example: `use: deepfm
embedding: 10
light: { hidden: [64] }
booster: { hidden: [400, 400, 400] }`,
  create(options, { features, units, nets, variables }) {
    if (units !== 1) {
      throw new UserError(
        `deepfm computes one logit, but the label has ${units} classes, one logit each`,
        {
          hint: hint("deepfm/units", "use: dcn-v2, which computes any number of logits", {
            set: { use: "dcn-v2" },
          }),
          exitCode: 2,
        },
      );
    }
    const separate = options.sharing === "separate";
    const machineOf = (owner: NetName | "shared", prefix: string) => ({
      vectors: layers.embedFeatures(
        variables,
        features,
        { ...options, numbers: "factors" },
        { owner, prefix, shard: options.shard },
      ),
      linear: layers.linearTerm(variables, features, options.features, {
        ...{ owner, prefix, shard: options.shard },
      }),
    });
    const shared = separate ? undefined : machineOf(sharedOwner(nets), "");
    const net = (owner: NetName): Net => {
      const { vectors, linear } = shared ?? machineOf(owner, `${owner}/`);
      const { hidden } = options[owner];
      const own = layers.tower(variables, owner, vectors, { ...options, hidden }, owner);
      const head = layers.dense(variables, `${owner}/head`, own.width, 1, owner, {
        from: own.axis,
        to: "classes",
      });
      return (features, scope) => {
        const machine = (x: tf.Tensor, inner: typeof scope) =>
          tf.add(linear(features, inner), layers.pairProducts(x, vectors.fields));
        const entry = (inner: typeof scope) =>
          separate
            ? vectors.compute(features, inner)
            : inner.shared("vectors", (scope) => vectors.compute(features, scope));
        const x = entry(scope);
        const y = separate
          ? machine(x, scope)
          : scope.shared("machine", (scope) => machine(entry(scope), scope));
        const maps = own.compute(x, scope);
        return { ...named("hidden", maps), logits: tf.add(y, head(maps.at(-1) ?? x, scope)) };
      };
    };
    return eachNet(nets, net);
  },
});
export default stage;
