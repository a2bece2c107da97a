import {
  defineNetwork,
  hint,
  nestedStage,
  type Net,
  type NetName,
  type NetworkPart,
  type NetworkStage,
  notNumbers,
  type Scope,
  type tf,
  UserError,
  type Variable,
  type VariableSpec,
  yamlName,
  z,
} from "../../plugin.ts";

/** The variables that a part declared, and how its net reads them. */
interface Declared {
  readonly net: NetName;
  readonly part: NetworkPart;
  readonly compute: Net;
  /** The variables as the part declared them. */
  readonly own: readonly Variable[];
}

const part = (what: string) =>
  nestedStage<NetworkPart>("network").describe(
    `The network of the ${what}: a network stage with its options, of which those of the ${what} ` +
      "apply.",
  );

const featureNames = (what: string) =>
  z.array(z.string().min(1)).min(1).optional().describe(
    `The features that the ${what} reads, by their names after the transforms; all by default.`,
  );

/**
 * A light net and a booster of two network stages, so that nets of different families train
 * together. Each part builds one net alone. The variables of the booster's part have names that
 * start with `booster/`. The outputs of both nets are those of their parts, such as `logits`.
 *
 * The nets share nothing, except the tables and layers that `share` names and that both parts
 * declare with the same name and shape. Each net reads all features, or those that `features` names
 * for it.
 */
const stage: NetworkStage = defineNetwork({
  name: "pair",
  summary: "A light net and a booster of two different network stages.",
  reads: ({ light, booster }) =>
    [light, booster].every(({ reads }) => reads === "numbers") ? "numbers" : "numbers and ids",
  options: z.object({
    light: part("light net"),
    booster: part("booster"),
    share: z.array(z.string().min(1)).default([]).describe(
      "The embedding tables and layers that both nets share, by their names in the light net's " +
        "part, such as embedding/item, or embedding for all of them. Both parts must declare them " +
        "with the same shapes.",
    ),
    features: z.strictObject({
      light: featureNames("light net"),
      booster: featureNames("booster"),
    }).default({}).describe(
      "The features that each net reads. Rows for a trained net need only the columns of its " +
        "features.",
    ),
  }),
  batchNorm: ({ light, booster }) => light.batchNorm || booster.batchNorm,
  example: `use: pair
light: { use: mlp, light: [32] }
booster: { use: mlp, booster: [256, 128] }`,
  create({ share, features: chosen, ...parts }, context) {
    const declared = context.nets.map((net): Declared => {
      const part = parts[net], own: Variable[] = [];
      const features = featuresOf(net, chosen[net], context.features);
      const add = (spec: VariableSpec): Variable => {
        const variable = { trainable: true, table: false, ...spec };
        // A part that builds both nets nevertheless declares variables of the other net.
        if (spec.owner === net || spec.owner === "shared") own.push(variable);
        return variable;
      };
      const pair = part.create({ ...context, features, nets: [net], variables: { add } });
      const compute = part.netOf(pair, net);
      return { net, part, compute: withFeatures(compute, part, features, context.features), own };
    });

    const [first, second] = declared;
    const shared = second ? sharedNames(share, first!, second) : new Set<string>();
    const added = new Map<string, Variable>();
    const nets = declared.map(({ net, part, compute, own }): [NetName, Net] => {
      const variables = new Map(own.map((variable) => {
        const isShared = shared.has(variable.name);
        const name = net === "light" || isShared || variable.name.startsWith("booster/")
          ? variable.name
          : `booster/${variable.name}`;
        const known = isShared ? added.get(name) : undefined;
        const owner = isShared ? "shared" : net;
        const real = known ??
          part.call("create()", () => context.variables.add({ ...variable, name, owner }));
        added.set(name, real);
        return [variable, real];
      }));
      return [net, (features, scope) => compute(features, inPart(scope, variables))];
    });
    return Object.fromEntries(nets);
  },
});
export default stage;

type Features = Parameters<NetworkPart["create"]>[0]["features"];

/** The features that a net reads. */
function featuresOf(net: NetName, names: readonly string[] | undefined, all: Features): Features {
  if (!names) return all;
  for (const name of names) {
    if (Object.hasOwn(all, name)) continue;
    throw new UserError(`there is no feature ${JSON.stringify(name)} for the ${net} net`, {
      hint: hint(
        "pair/features",
        `the features are ${Object.keys(all).map(yamlName).join(", ")}`,
        { set: { [`features/${net}`]: Object.keys(all) } },
      ),
      exitCode: 2,
    });
  }
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
}

/**
 * Passes only the features of a net to it. If its part reads numbers, reading another feature is an
 * error that names the part.
 */
function withFeatures(compute: Net, part: NetworkPart, own: Features, all: Features): Net {
  const names = Object.keys(own);
  const wrong = part.reads === "numbers"
    ? names.filter((name) => notNumbers(name, own[name]!))
    : [];
  if (wrong.length === 0 && names.length === Object.keys(all).length) return compute;
  const refuse = (name: string): never =>
    part.call("its net", () => {
      const no = notNumbers(name, own[name]!)!;
      throw new UserError(
        `the feature ${name} ${no.holds}, but the network ${part.name} reads numbers`,
        { hint: no.hint, exitCode: 2 },
      );
    });
  return (features, scope) => {
    const visible: Record<string, tf.Tensor> = {};
    for (const name of names) {
      // A net may read only some of its features.
      const get = () => wrong.includes(name) ? refuse(name) : features[name];
      Object.defineProperty(visible, name, { enumerable: true, get });
    }
    return compute(visible, scope);
  };
}

/** The names of the variables that both nets share. */
function sharedNames(share: readonly string[], one: Declared, other: Declared): Set<string> {
  const trained = ({ own }: Declared) =>
    new Map(own.filter(({ trainable }) => trainable).map((variable) => [variable.name, variable]));
  const others = trained(other);
  const common = [...trained(one).values()].filter(({ name, shape, table }) => {
    const same = others.get(name);
    return same && `${same.shape}` === `${shape}` && same.table === table;
  }).map(({ name }) => name);
  const names = new Set<string>();
  for (const written of share) {
    const isMeant = (name: string) => name === written || name.startsWith(`${written}/`);
    const matching = common.filter(isMeant);
    for (const name of matching) names.add(name);
    if (matching.length > 0) continue;
    const shapes = [one, other].map(({ net, own }) => {
      const found = own.find(({ name }) => isMeant(name));
      return `the ${net === "light" ? "light net" : "booster"} has ${
        found ? `${found.name} [${found.shape}]` : "none"
      }`;
    });
    throw new UserError(
      `the nets cannot share ${JSON.stringify(written)}: ${shapes.join(", ")}`,
      {
        hint: common.length > 0
          ? hint("pair/share", `the nets can share ${common.map(yamlName).join(", ")}`, {
            set: { share: [common[0]] },
          })
          : hint(
            "pair/share-nothing",
            "remove `share`: the nets declare no table or layer with the same name and shape",
            { remove: ["share"] },
          ),
        exitCode: 2,
      },
    );
  }
  return names;
}

/** The scope of a part's net, which reads the variables that the part declared. */
function inPart(scope: Scope, variables: ReadonlyMap<Variable, Variable>): Scope {
  const real = (variable: Variable) => {
    const found = variables.get(variable);
    if (found) return found;
    throw new Error(
      `the variable ${JSON.stringify(variable.name)} belongs to the other net, or is not declared`,
    );
  };
  // Nets of two parts compute nothing together, but a net may use its own values more than once.
  const values = new Map<string, tf.Tensor>();
  const own: Scope = {
    training: scope.training,
    read: (variable) => scope.read(real(variable)),
    lookup: (table, ids) => scope.lookup(real(table), ids),
    lookupColumns: (tables, ids) => scope.lookupColumns(tables.map(real), ids),
    update: (variable, value) => scope.update(real(variable), value),
    shared: (name, compute) => {
      const value = values.get(name) ?? compute(own);
      values.set(name, value);
      return value;
    },
    seed: (name) => scope.seed(name),
  };
  return own;
}
