import type { tf } from "./tf.ts";
import type { z } from "./z.ts";
import type { ColumnSpec, LabelSpec } from "./batch.ts";
import {
  type Create,
  defineStage,
  type OptionsSchema,
  type Stage,
  type StageDefinition,
} from "./stage.ts";

/** The name of a net: the light net or the booster. */
export type NetName = "light" | "booster";

/**
 * The net that a variable belongs to, or `shared` for both nets. Variables that a loss declares
 * have the owner `loss`; a network cannot use it.
 */
export type VariableOwner = NetName | "shared" | "loss";

/** The distribution of a variable's initial values. */
export type Initializer =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly deviation: number }
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  | OutputBias;

/**
 * The initial value of the bias that a net adds to its logits, of shape `[units]`. It is 0, or the
 * base rate of the training rows with the option `network.outputBias: base-rate`.
 */
export interface OutputBias {
  /** The kind of the initializer. */
  readonly kind: "output bias";
  /** The values; Rocket sets them when a network declares the variable. */
  readonly values?: readonly number[];
}

/**
 * A section of a layer's inputs: the values of a feature (by its name), or numbers computed from
 * features.
 */
export type AxisPart =
  | string
  | {
    /** The feature from which the numbers are computed; absent if there are several. */
    readonly feature?: string;
    /** The length of the section, such as the size of an embedding. */
    readonly units: number;
  };

/**
 * What the positions along one axis of a variable represent. It decides how initial weights from an
 * earlier run are matched: by ids, classes or features, even if their order has changed.
 *
 * - `units`: hidden units or the dimensions of an embedding. Position i corresponds to position i,
 *   so both runs must have the same number.
 * - `classes`: the classes of the label, one logit each.
 * - `ids`: the ids of a feature, in order. The first `before` positions (0 by default) represent no
 *   id, such as a row for padding.
 * - `features`: the concatenated values of features, in this order.
 * - `channels`: the channels of an image feature, which are its last axis.
 */
export type VariableAxis =
  | "units"
  | "classes"
  | { readonly ids: string; readonly before?: number }
  | { readonly features: readonly AxisPart[] }
  | { readonly channels: string };

/** The declaration of a variable of a net: its name, shape, initial values, and owner. */
export interface VariableSpec {
  /** The name, unique within the run: `stem/kernel`. */
  readonly name: string;
  /** The shape. */
  readonly shape: readonly number[];
  /**
   * The distribution of its initial values, which depend only on the seed and the variable's name.
   */
  readonly initializer: Initializer;
  /** The owner. It decides in which net the variable is counted, exported and reported. */
  readonly owner: VariableOwner;
  /** `false` for running statistics, which get no gradients; `true` by default. */
  readonly trainable?: boolean;
  /**
   * Whether the variable is an embedding table `[rows, size]`, which only {@linkcode Scope.lookup}
   * reads. A step updates only the rows that it looks up, in the table and in the optimizer's
   * slots. So weight decay and the decay of moments affect only these rows (a lazy Adam), unless
   * the optimizer's entry has `tables: exact`. `false` by default.
   */
  readonly table?: boolean;
  /**
   * Whether the processes of a cluster deal the rows of the table among themselves, so that a table
   * larger than the memory of one process can be trained. The results are the same, except for
   * rounding. In a run of one process, it has no effect. `false` by default.
   */
  readonly shard?: boolean | undefined;
  /**
   * What the positions along each axis represent, one item per axis. Without it, weights of an
   * earlier run are restored only if all features, vocabularies and classes are the same.
   */
  readonly axes?: readonly VariableAxis[] | undefined;
}

/** A declared variable; {@linkcode Scope.read} returns its value. */
export type Variable =
  & Required<Omit<VariableSpec, "axes" | "shard">>
  & Pick<VariableSpec, "axes" | "shard">;

/** Declares the variables of a network. */
export interface VariableRegistry {
  /**
   * Declares a variable.
   *
   * @param spec The variable's name, shape, initializer and owner.
   * @returns The variable, for {@linkcode Scope.read}.
   * @throws {Error} If the name is already in use.
   */
  add(spec: VariableSpec): Variable;
}

/** Gives the forward pass of a net access to variables and seeds in one step. */
export interface Scope {
  /** Whether this is a training step, with batch statistics and dropout, or an evaluation. */
  readonly training: boolean;
  /**
   * Reads the value of a variable in this step.
   *
   * @param variable The variable that {@linkcode VariableRegistry.add} returned.
   */
  read(variable: Variable): tf.Tensor;
  /**
   * Looks up rows of an embedding table.
   *
   * @param table A variable that was declared with `table: true`.
   * @param ids Row numbers from 0, int32, of any shape.
   * @returns The rows `[...ids, size]`.
   */
  lookup(table: Variable, ids: tf.Tensor): tf.Tensor;
  /**
   * Looks up rows of several embedding tables. This is faster than one call for each table, because
   * the native engine reads and updates tables of the same owner and size together.
   *
   * @param tables The table of each column, with rows of the same size. A table can occur more than
   *   once.
   * @param ids Row numbers from 0 in the table of their column, int32, `[batch, columns]`.
   * @returns The rows `[batch, columns, size]`.
   */
  lookupColumns(tables: readonly Variable[], ids: tf.Tensor): tf.Tensor;
  /**
   * Sets the value that a variable with `trainable: false` has after this step.
   *
   * @param variable The variable, such as a running mean.
   * @param value Its new value, of the same shape.
   */
  update(variable: Variable, value: tf.Tensor): void;
  /**
   * Computes a value that both nets compute from the same input with the same variables. It is
   * computed once per step. The gradient policy decides how much of this net's gradient passes
   * through it.
   *
   * @param name The name of the value, the same in both nets.
   * @param compute Computes the value. It must read variables from the scope that it is given.
   */
  shared(name: string, compute: (scope: Scope) => tf.Tensor): tf.Tensor;
  /**
   * A seed for `ops.dropout` that is different in each step.
   *
   * @param name The name of the seed, unique within the net.
   */
  seed(name: string): tf.Scalar;
}

/**
 * The outputs of a net by name: `logits`, of shape `[batch, units]`, and any feature maps that hint
 * losses can compare.
 */
export type Outputs = Readonly<Record<string, tf.Tensor>> & { readonly logits: tf.Tensor };

/**
 * The forward pass of one net.
 *
 * @param features The features by name, `[batch, ...shape]`.
 * @param scope The variables of this step.
 * @returns The outputs by name.
 */
export type Net = (features: Readonly<Record<string, tf.Tensor>>, scope: Scope) => Outputs;

/**
 * What a network stage knows when it creates its nets, such as the features and the number of
 * logits.
 */
export interface NetworkContext {
  /** The features after all transforms. */
  readonly features: Readonly<Record<string, ColumnSpec>>;
  /** The label. */
  readonly label: LabelSpec;
  /** The number of logits of each net: the number of classes, or 1. */
  readonly units: number;
  /**
   * The nets to build: both, the light net alone, or the booster alone, if the light net is that of
   * another stage. If the booster is not among them, do not declare its variables. If the booster
   * is alone, shared variables become its own, and variables of the light net are left out.
   */
  readonly nets: readonly NetName[];
  /** Declares variables. */
  readonly variables: VariableRegistry;
}

/** A light net with or without its booster. */
export interface NetworkPair {
  /** The net that ships. */
  readonly light: Net;
  /** The booster, if {@linkcode NetworkContext.nets} has it. */
  readonly booster?: Net;
}

/** The nets that {@linkcode NetworkContext.nets} lists. */
export type BuiltNets = Partial<NetworkPair>;

/**
 * The kinds of features that the nets of a network can read. If the nets can read only numbers,
 * Rocket rejects features that are ids.
 */
export type NetworkReads = "numbers" | "numbers and ids";

/** A stage that builds the light net and the booster. */
export interface NetworkStage extends Stage<"network", NetworkContext, BuiltNets> {
  /** The kinds of features that the nets support: a constant, or a function of the options. */
  readonly reads: NetworkReads | ReadsOf;
  /** Whether the nets use batch norm; undefined if the stage does not declare it. */
  readonly batchNorm?: BatchNorm | undefined;
}

/** The kinds of features that the nets support, by the options. */
// deno-lint-ignore no-explicit-any -- the options are the stage's own
export type ReadsOf = (options: any) => NetworkReads;

/** Whether the nets use batch norm: a constant, or a function of the options. */
// deno-lint-ignore no-explicit-any -- the options are the stage's own
export type BatchNorm = boolean | ((options: any) => boolean);

/** The definition of a network, for {@linkcode defineNetwork}. */
export type NetworkDefinition<Schema extends OptionsSchema> = StageDefinition<Schema> & {
  /**
   * The kinds of features that the nets support; `numbers` by default. A net that reads ids as
   * numbers would learn from an order without meaning, such as the alphabetical one, so Rocket
   * rejects features of ids. A network that looks ids up in embedding tables declares `numbers and
   * ids`. It may depend on the options.
   */
  readonly reads?: NetworkReads | ((options: z.output<Schema>) => NetworkReads);
  /**
   * Whether the nets normalize by the statistics of a training batch, as batch norm does. A small
   * last batch would then distort an epoch, so `train.lastBatch` is `merge` by default. A network
   * with variables that are not trainable has to declare it.
   */
  readonly batchNorm?: boolean | ((options: z.output<Schema>) => boolean);
  /**
   * Declares the variables and returns the nets.
   *
   * @throws {UserError} If the network does not support the features.
   */
  readonly create: Create<Schema, NetworkContext, BuiltNets>;
};

/**
 * Defines a network: a light net and a booster, which may share layers.
 *
 * @param definition The network's name, summary, options and `create` function.
 * @returns The stage.
 *
 * @example
 * ```ts
 * import { defineNetwork, type NetworkStage, tf, z } from "@rocket-launching/rocket/plugin";
 *
 * const linear: NetworkStage = defineNetwork({
 *   name: "linear",
 *   summary: "A linear light net, and a booster with one hidden layer.",
 *   options: z.object({ feature: z.string(), hidden: z.int().positive().default(16) }),
 *   create({ feature, hidden }, { features, units, nets, variables }) {
 *     const inputs = features[feature]!.shape[0]!;
 *     const kernel = (name: string, owner: "light" | "booster", from: number, to: number) =>
 *       variables.add({
 *         name: `${owner}/${name}`,
 *         shape: [from, to],
 *         initializer: { kind: "normal", deviation: Math.sqrt(2 / from) },
 *         owner,
 *       });
 *     const light = kernel("kernel", "light", inputs, units);
 *     const pair = {
 *       light: (x: Record<string, tf.Tensor>, scope: { read(v: typeof light): tf.Tensor }) => ({
 *         logits: tf.matMul(x[feature] as tf.Tensor2D, scope.read(light) as tf.Tensor2D),
 *       }),
 *     };
 *     if (!nets.includes("booster")) return pair;
 *     const lower = kernel("lower", "booster", inputs, hidden);
 *     const upper = kernel("upper", "booster", hidden, units);
 *     return {
 *       ...pair,
 *       booster: (x, scope) => ({
 *         logits: tf.matMul(
 *           tf.relu(tf.matMul(x[feature] as tf.Tensor2D, scope.read(lower) as tf.Tensor2D)),
 *           scope.read(upper) as tf.Tensor2D,
 *         ),
 *       }),
 *     };
 *   },
 * });
 * ```
 */
export function defineNetwork<Schema extends OptionsSchema>(
  definition: NetworkDefinition<Schema>,
): NetworkStage {
  const { batchNorm, reads = "numbers", ...rest } = definition;
  return {
    ...defineStage("network", rest),
    reads,
    ...(batchNorm !== undefined && { batchNorm }),
  };
}

/**
 * Returns the kinds of features that the nets of a network stage support.
 *
 * @param stage The network stage.
 * @param options The stage's checked options.
 */
export function readsOf(
  { reads = "numbers" }: Partial<Pick<NetworkStage, "reads">>,
  options: unknown,
): NetworkReads {
  return typeof reads === "function" ? reads(options) : reads;
}

/**
 * Checks whether the nets of a network stage use batch norm.
 *
 * @param stage The network stage.
 * @param options The stage's checked options.
 */
export function normalizesBatches(
  { batchNorm = false }: Pick<NetworkStage, "batchNorm">,
  options: unknown,
): boolean {
  return typeof batchNorm === "function" ? batchNorm(options) : batchNorm;
}

/** A network stage with its options, as an option of a network that combines several stages. */
export interface NetworkPart {
  /** The stage's name, as the pipeline file writes it after `use:`. */
  readonly name: string;
  /** The kinds of features that the nets support. */
  readonly reads: NetworkReads;
  /** Whether the nets use batch norm. */
  readonly batchNorm: boolean;
  /**
   * Calls the stage's `create` function.
   *
   * @param context What the stage knows, such as the nets to build.
   * @throws {UserError} If the network does not support the features. The error names the stage.
   */
  create(context: NetworkContext): BuiltNets;
  /**
   * Returns a net that the stage has built. Errors that it throws name the stage.
   *
   * @param pair What the stage has built.
   * @param net The net.
   * @throws {UserError} If the stage has not built the net.
   */
  netOf(pair: BuiltNets, net: NetName): Net;
  /**
   * Calls a function, and attributes its errors to the stage.
   *
   * @param doing What the function does, for messages, such as `create()`.
   * @param call The function.
   */
  call<T>(doing: string, call: () => T): T;
}
