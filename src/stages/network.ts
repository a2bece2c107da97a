import type * as tf from "@tensorflow/tfjs";
import type { z } from "zod";
import type { ColumnSpec, LabelSpec } from "./batch.ts";
import {
  type Create,
  defineStage,
  type OptionsSchema,
  type Stage,
  type StageDefinition,
} from "./stage.ts";

/** One of the two nets. */
export type NetName = "light" | "booster";

/** Whose a variable is. Those that a loss declares are `loss`; a network declares none of these. */
export type VariableOwner = NetName | "shared" | "loss";

/** How a variable starts. */
export type Initializer =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly deviation: number }
  | { readonly kind: "uniform"; readonly low: number; readonly high: number };

/** Some of the numbers that a layer reads: the values of a feature, or numbers that are made of it. */
export type AxisPart =
  | string
  | {
    /** The feature that they are made of; left out for numbers that are made of no single feature. */
    readonly feature?: string;
    /** How many there are, such as the size of an embedding. */
    readonly units: number;
  };

/**
 * What the places along one axis of a variable stand for. It decides how weights of an earlier run are matched: by value
 * where places stand for values, classes or features.
 *
 * - `units`: nothing outside of the net, such as hidden units or the numbers of an embedding.
 * - `classes`: the logits.
 * - `ids`: the ids of a feature, in order, behind so many places (`before`) that stand for nothing.
 * - `features`: the values of features side by side, in this order.
 * - `channels`: the last axis of an image feature.
 */
export type VariableAxis =
  | "units"
  | "classes"
  | { readonly ids: string; readonly before?: number }
  | { readonly features: readonly AxisPart[] }
  | { readonly channels: string };

/** What a network says of a variable. */
export interface VariableSpec {
  /** The name, unique within the run: `stem/kernel`. */
  readonly name: string;
  /** The shape. */
  readonly shape: readonly number[];
  /** How it starts. The numbers depend on the seed and the name alone. */
  readonly initializer: Initializer;
  /** Whose it is: it decides what is counted, exported, and how gradients are reported. */
  readonly owner: VariableOwner;
  /** `false` for running statistics, which no gradient reaches; `true` by default. */
  readonly trainable?: boolean;
  /**
   * Whether it is an embedding table `[rows, size]`, read by {@linkcode Scope.lookup} alone. A step
   * updates the rows that it touches and no others, also those of the optimizer's slots; so weight
   * decay and the decay of moments act on rows that are touched (a lazy Adam), unless the optimizer's
   * entry says `tables: exact`. `false` by default.
   */
  readonly table?: boolean;
  /**
   * What the places along each axis stand for, an item an axis. Without it, weights of an earlier run are taken over only
   * if all features, vocabularies and classes are the same.
   */
  readonly axes?: readonly VariableAxis[] | undefined;
}

/** A variable that has been declared; {@linkcode Scope.read} gives its value. */
export type Variable = Required<Omit<VariableSpec, "axes">> & Pick<VariableSpec, "axes">;

/** Where stages declare their variables. */
export interface VariableRegistry {
  /**
   * Declares a variable.
   *
   * @param spec Its name, shape, start and owner.
   * @returns The handle to read it by.
   * @throws {Error} If the name is taken.
   */
  add(spec: VariableSpec): Variable;
}

/** What a forward pass of one net in one step may use. */
export interface Scope {
  /** Whether this is training (batch statistics, dropout) or evaluation. */
  readonly training: boolean;
  /**
   * The value of a variable in this step.
   *
   * @param variable What {@linkcode VariableRegistry.add} returned.
   */
  read(variable: Variable): tf.Tensor;
  /**
   * Rows of an embedding table, by row numbers.
   *
   * @param table A variable that was declared as a `table`.
   * @param ids Row numbers from 0, int32, of any shape.
   * @returns The rows `[...ids, size]`.
   */
  lookup(table: Variable, ids: tf.Tensor): tf.Tensor;
  /**
   * Gives a variable that is not trainable its value after this step.
   *
   * @param variable The variable, such as a running mean.
   * @param value Its new value, of the same shape.
   */
  update(variable: Variable, value: tf.Tensor): void;
  /**
   * What both nets compute from the same input with the same variables, computed once a step. The
   * gradient policy decides how much of this net's gradient passes through it.
   *
   * @param name A name for it, the same in both nets.
   * @param compute Computes it, reading variables from the scope that it is given.
   */
  shared(name: string, compute: (scope: Scope) => tf.Tensor): tf.Tensor;
  /**
   * A seed that differs in each step, for `ops.dropout`.
   *
   * @param name What it is for, unique within the net.
   */
  seed(name: string): tf.Scalar;
}

/** What a net computes, by name: `logits` `[batch, units]`, and the maps that hints may want. */
export type Outputs = Readonly<Record<string, tf.Tensor>> & { readonly logits: tf.Tensor };

/**
 * One net.
 *
 * @param features The features by name, `[batch, ...shape]`.
 * @param scope The variables of this step.
 */
export type Net = (features: Readonly<Record<string, tf.Tensor>>, scope: Scope) => Outputs;

/** What a network knows when it is built. */
export interface NetworkContext {
  /** The features as they leave the transforms. */
  readonly features: Readonly<Record<string, ColumnSpec>>;
  /** The label. */
  readonly label: LabelSpec;
  /** How many logits each net must have: the classes, or 1. */
  readonly units: number;
  /** The nets that are wanted; without the booster, its variables are not declared either. */
  readonly nets: readonly NetName[];
  /** Where variables are declared. */
  readonly variables: VariableRegistry;
}

/** A light net with its booster, or alone. */
export interface NetworkPair {
  /** The net that ships. */
  readonly light: Net;
  /** Its teacher, if it was asked for. */
  readonly booster?: Net;
}

/** What the nets of a network can read: a feature of ids is refused where numbers are read. */
export type NetworkReads = "numbers" | "numbers and ids";

/** A stage that builds the nets. */
export interface NetworkStage extends Stage<"network", NetworkContext, NetworkPair> {
  /** What its nets can read. */
  readonly reads: NetworkReads;
  /** Whether nets normalize by the statistics of a batch; undefined if the stage does not say. */
  readonly batchNorm?: BatchNorm | undefined;
}

/** Whether nets normalize by the statistics of a batch, always or by the options. */
// deno-lint-ignore no-explicit-any -- the options are the stage's own
export type BatchNorm = boolean | ((options: any) => boolean);

/** What the author of a network writes. */
export type NetworkDefinition<Schema extends OptionsSchema> = StageDefinition<Schema> & {
  /**
   * What the nets can read; `numbers` by default. A net that reads a feature of ids as numbers would learn from
   * an order that means nothing, such as that of the alphabet: such features are refused. A network
   * that looks ids up, as in embedding tables, writes `numbers and ids`.
   */
  readonly reads?: NetworkReads;
  /**
   * Whether the nets normalize by the statistics of a batch while they are trained, as batch norms do:
   * then a last batch of a few rows spoils an epoch, and `train.lastBatch` is `merge` by default. A
   * network whose variables are not all trainable has to say it.
   */
  readonly batchNorm?: boolean | ((options: z.output<Schema>) => boolean);
  /**
   * Declares the variables and returns the nets.
   *
   * @throws {UserError} If the features do not suit it.
   */
  readonly create: Create<Schema, NetworkContext, NetworkPair>;
};

/**
 * Defines a network: a light net and a booster that may share layers.
 *
 * @param definition Its name, options and how it is built.
 * @returns The stage.
 *
 * @example
 * ```ts
 * import { defineNetwork, type NetworkStage, tf, z } from "@rocket-launching/rocket";
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
 * Whether the nets of a stage normalize by the statistics of a batch.
 *
 * @param stage The stage.
 * @param options Its checked options.
 */
export function normalizesBatches(
  { batchNorm = false }: Pick<NetworkStage, "batchNorm">,
  options: unknown,
): boolean {
  return typeof batchNorm === "function" ? batchNorm(options) : batchNorm;
}
