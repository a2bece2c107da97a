/**
 * Converts the features of click prediction to vectors: ids become rows of embedding tables, lists
 * of ids are pooled to one vector, and numbers are unchanged or multiplied by a trained vector.
 *
 * @module
 */

import { UserError } from "../base/errors.ts";
import { hint, type HintText } from "../base/hints.ts";
import { listed } from "../base/listed.ts";
import { didYouMean, nearest } from "../base/nearest.ts";
import { yamlName } from "../base/quoted.ts";
import type { ColumnSpec } from "../stages/batch.ts";
import type {
  AxisPart,
  Scope,
  Variable,
  VariableAxis,
  VariableOwner,
  VariableRegistry,
} from "../stages/network.ts";
import { tf } from "../stages/tf.ts";
import { z } from "../stages/z.ts";
import { activation, type ActivationName, activationNames } from "./activations.ts";
import { dense } from "./layers.ts";

/** How to weight the items of a list by a candidate, as in the Deep Interest Network. */
export interface AttentionOptions {
  /** The feature that contains the candidate, one id per row. */
  readonly to: string;
  /** The widths of the attention network's hidden layers. */
  readonly hidden: readonly number[];
  /** The activation after each hidden layer. */
  readonly activation: ActivationName;
}

/** How to combine the embeddings of a list into one. */
export interface PoolingOptions {
  /** The mean or the sum of the embeddings; `mean` by default. */
  readonly pooling?: "mean" | "sum" | undefined;
  /** The weights of a weighted sum. */
  readonly attention?: AttentionOptions | undefined;
}

/** How to embed one feature. */
export interface FeatureOptions extends PoolingOptions {
  /** The number of values per embedding. */
  readonly size?: number | undefined;
}

const attention = z.strictObject({
  to: z.string().min(1).describe(
    "The feature that contains the candidate, one id per row. The weights of the list's items depend on it.",
  ),
  hidden: z.array(z.int().positive()).default([36]).describe(
    "The widths (numbers of units) of the attention network's hidden layers, one per layer.",
  ),
  activation: z.enum(activationNames).default("prelu").describe(
    "The activation after each hidden layer of the attention network.",
  ),
});

const size = z.int().positive().optional().describe(
  "The number of values per embedding; by default, the network's option `embedding`.",
);

const pooling = z.strictObject({
  pooling: z.enum(["mean", "sum"]).optional().describe(
    "How to combine the embeddings of a list into one, ignoring its padding; mean by default.",
  ),
  attention: attention.optional().describe(
    "Attention (DIN): the weighted sum of a list's embeddings, with weights that " +
      "depend on the candidate.",
  ),
});

const oneOf = ({ pooling, attention }: PoolingOptions) => !pooling || !attention;
const expected = { error: "expected pooling or attention" };

/** The schema of {@linkcode PoolingOptions}, for the options of a network in which all embeddings have the same size. */
export const poolingOptions: z.ZodType<PoolingOptions> = pooling.refine(oneOf, expected);

/** The schema of {@linkcode FeatureOptions}, for the options of a network. */
export const featureOptions: z.ZodType<FeatureOptions> = z.strictObject({ size, ...pooling.shape })
  .refine(oneOf, expected);

/** Units of a layer: how many there are, and what they represent. */
export interface Units {
  /** The number of units. */
  readonly width: number;
  /** What the units represent. */
  readonly axis: VariableAxis;
}

/** The vectors of all features of a row, concatenated. */
export interface EmbeddedFeatures extends Units {
  /** The parts of the vector: numbers, and the vectors of features. */
  readonly axis: { readonly features: readonly AxisPart[] };
  /**
   * The number of fields: features of ids, and single numbers. If all embeddings have the same size
   * and numbers have factors, the vector consists of as many parts of this size.
   */
  readonly fields: number;
  /** Computes the vectors, `[batch, width]`. */
  readonly compute: (
    features: Readonly<Record<string, tf.Tensor>>,
    scope: Scope,
  ) => tf.Tensor;
}

/** How {@linkcode embedFeatures} embeds features. */
export interface EmbeddingOptions {
  /** The number of values per embedding. */
  readonly embedding: number;
  /** The options of single features, by name. */
  readonly features?: Readonly<Record<string, FeatureOptions>>;
  /**
   * What becomes of numbers. `unchanged`, the default: a number is a value of the vector. `factors`:
   * a number is multiplied by a trained vector of the size of an embedding, so it is a field like
   * that of an id, whose embedding is multiplied by 1.
   */
  readonly numbers?: "unchanged" | "factors";
  /**
   * Whether the activation `dice` of attention uses the statistics of the rows of all processes of a
   * cluster; not by default.
   */
  readonly synchronizedBatchNorm?: boolean;
}

/** The declarations of one feature with ids. */
interface Embedded {
  readonly name: string;
  readonly spec: ColumnSpec;
  readonly table: Variable;
  /** The number of ids in a row. */
  readonly places: number;
  /** How to combine the ids of a list into one; undefined for a feature with one id per row. */
  readonly pool: Pool | undefined;
  /** Whether the feature's rows are needed on their own: a list, or a candidate of attention. */
  readonly alone: boolean;
}

/** Pools `[batch, places, size]` to `[batch, size]`. `mask` is `[batch, places, 1]`. */
type Pool = (
  list: tf.Tensor,
  mask: tf.Tensor | undefined,
  scope: Scope,
  rowOf: (feature: string) => tf.Tensor,
) => tf.Tensor;

/** The owner of variables (a net, or both nets), the prefix of their names, and where tables are. */
export interface Owned {
  /** The owner. */
  readonly owner: VariableOwner;
  /** The prefix of the names; none by default. */
  readonly prefix?: string;
  /** Whether embedding tables are dealt over the processes of a cluster; `false` by default. */
  readonly shard?: boolean | undefined;
}

/**
 * Declares the variables that features need, and concatenates the vectors of the features: first
 * numbers, then ids. Each embedding table has one row more than there are ids: the first row
 * represents the padding of lists and does not affect any result. Features whose `ids` have the
 * same name share a table.
 *
 * A list of ids is pooled over the places that are not empty: by mean, by sum, or, with `attention`,
 * by a sum weighted by the candidate (Deep Interest Network, Zhou et al., 2018, arXiv:1706.06978,
 * section 4.3): v = Σⱼ a(eⱼ, q) · eⱼ, a(e, q) = W · f([q, e, q − e, q ⊙ e]) + b, where f is a fully
 * connected network.
 *
 * @param variables Declares tables and activation units.
 * @param features The features after the transforms.
 * @param options The size of embeddings, and the options of single features.
 * @param whose The owner and name prefix of the variables, and whether tables are sharded.
 * @returns The vectors of all features.
 * @throws {UserError} If a feature does not match its options.
 */
export function embedFeatures(
  variables: VariableRegistry,
  features: Readonly<Record<string, ColumnSpec>>,
  {
    embedding,
    features: single = {},
    numbers: treatment = "unchanged",
    synchronizedBatchNorm: synchronized = false,
  }: EmbeddingOptions,
  { owner, prefix = "", shard }: Owned,
): EmbeddedFeatures {
  const names = Object.keys(features);
  for (const name of Object.keys(single)) {
    if (Object.hasOwn(features, name)) continue;
    throw refusal(
      `there is no feature ${JSON.stringify(name)}`,
      hint(
        "embedding/features",
        `${didYouMean(name, names)}the features are ${listed(names.map(yamlName))}`,
        {
          set: { [`features/${nearest(name, names) ?? names[0]}`]: {} },
          remove: [`features/${name}`],
        },
      ),
    );
  }
  // A feature may have the name of an inherited property, such as toString.
  const optionsOf = (name: string) => Object.hasOwn(single, name) ? single[name] : undefined;
  const tables = new Map<string, Variable>();
  const numbers = names.filter((name) => features[name]!.dtype === "float32");
  for (const name of numbers) {
    if (!optionsOf(name)) continue;
    throw refusal(
      `the feature ${name} holds numbers, which have no embedding`,
      hint("embedding/numbers", `remove ${name} from the network's \`features\``, {
        remove: [`features/${name}`],
      }),
    );
  }
  const candidates = new Set(names.map((name) => optionsOf(name)?.attention?.to));
  const embedded = names.filter((name) => features[name]!.dtype === "int32").map((name) => {
    const spec = features[name]!, own = optionsOf(name) ?? {};
    const table = tableOf(name, spec, own.size ?? embedding);
    const size = table.shape[1]!;
    if (spec.shape.length > 1) {
      throw refusal(
        `the feature ${name} has ids of shape [${spec.shape}], but the network reads one id or one list of ids per row`,
        hint(
          "embedding/ids-shape",
          "give the feature a shape of one number, the length of the list",
          {
            edit: "the shape",
          },
        ),
      );
    }
    if (spec.shape.length === 0 && (own.pooling || own.attention)) {
      throw refusal(
        `the feature ${name} has one id per row, so there is nothing to pool`,
        hint("embedding/pooling", "remove `pooling` and `attention`", {
          remove: [`features/${name}/pooling`, `features/${name}/attention`],
        }),
      );
    }
    const pool = own.attention
      ? attend(name, own.attention, size)
      : spec.shape.length === 0
      ? undefined
      : pooled(own.pooling ?? "mean");
    const alone = pool !== undefined || candidates.has(name);
    return { name, spec, table, places: spec.shape[0] ?? 1, pool, alone };
  });

  function tableOf(name: string, { ids, vocabulary }: ColumnSpec, size: number): Variable {
    const count = ids?.count ?? vocabulary?.length;
    if (count === undefined) {
      throw refusal(
        `the number of ids of the feature ${name} is unknown`,
        hint(
          "embedding/ids",
          `write at data.features.${name}: ids: train, { hash: N } or { count: N }`,
          ["train", { hash: 1000 }, { count: 1000 }].map((ids) => ({
            set: { [`/data/features/${name}/ids`]: ids },
          })),
        ),
      );
    }
    const key = ids?.name ?? name, known = tables.get(key);
    if (known && known.shape[1] !== size) {
      throw refusal(
        `the feature ${name} has embeddings of size ${size}, but other features with the same ids have size ${
          known.shape[1]
        }`,
        hint(
          "embedding/shared-size",
          `features with the same ids share a table: write \`size: ${known.shape[1]}\` for ${name}`,
          {
            set: { [`features/${name}/size`]: known.shape[1] },
          },
        ),
      );
    }
    const table = known ?? variables.add({
      name: `${prefix}embedding/${key}`,
      shape: [count + 1, size],
      initializer: { kind: "normal", deviation: DEVIATION },
      owner,
      table: true,
      ...(shard && { shard }),
      axes: [{ ids: name, before: 1 }, "units"],
    });
    tables.set(key, table);
    return table;
  }

  function attend(
    name: string,
    { to, hidden, activation: kind }: AttentionOptions,
    size: number,
  ): Pool {
    const candidate = Object.hasOwn(features, to) ? features[to] : undefined;
    if (candidate?.dtype !== "int32" || candidate.shape.length > 0) {
      const candidates = names.filter((other) =>
        features[other]!.dtype === "int32" && features[other]!.shape.length === 0
      );
      throw refusal(
        candidate
          ? `the feature ${to} cannot be the candidate of ${name} because it does not have one id per row`
          : `there is no feature ${JSON.stringify(to)} for ${name} to attend to`,
        hint(
          "embedding/candidate",
          `${candidate ? "" : didYouMean(to, candidates)}the features with one id per row are ${
            candidates.map(yamlName).join(", ")
          }`,
          { set: { [`features/${name}/attention/to`]: nearest(to, candidates) ?? candidates[0] } },
        ),
      );
    }
    const other = tableOf(to, candidate, optionsOf(to)?.size ?? embedding);
    if (other.shape[1] !== size) {
      throw refusal(
        `the feature ${to} has embeddings of size ${
          other.shape[1]
        }, but the feature ${name}, which attends to it, has size ${size}`,
        hint("embedding/attention-size", `write \`size: ${size}\` for ${to}`, {
          set: { [`features/${to}/size`]: size },
        }),
      );
    }
    const sizes = [4 * size, ...hidden];
    const layers = hidden.map((units, index) => {
      const layer = `${prefix}attention/${name}/dense${index + 1}`;
      return {
        layer: dense(variables, layer, sizes[index]!, units, owner),
        activate: activation(variables, layer, kind, units, owner, { synchronized }),
      };
    });
    const head = dense(variables, `${prefix}attention/${name}/head`, sizes.at(-1)!, 1, owner);
    return (keys, mask, scope, rowOf) => {
      const query = tf.add(tf.expandDims(rowOf(to), 1), tf.zerosLike(keys));
      let x: tf.Tensor = tf.concat([query, keys, tf.sub(query, keys), tf.mul(query, keys)], -1);
      const [batch, places] = keys.shape as [number, number];
      // A matrix product takes tensors with two axes.
      x = tf.reshape(x, [batch * places, 4 * size]);
      const flatMask = mask && tf.reshape(mask, [batch * places, 1]);
      for (const { layer, activate } of layers) x = activate(layer(x, scope), scope, flatMask);
      const weights = tf.reshape(head(x, scope), [batch, places, 1]);
      return tf.sum(tf.mul(keys, mask ? tf.mul(weights, mask) : weights), 1);
    };
  }

  const places = numbers.reduce((sum, name) => sum + sizeOf(features[name]!.shape), 0);
  const factors = treatment === "factors"
    ? numbers.map((name) =>
      variables.add({
        name: `${prefix}factors/${name}`,
        shape: [sizeOf(features[name]!.shape), embedding],
        initializer: { kind: "normal", deviation: DEVIATION },
        owner,
        axes: [{ features: [name] }, "units"],
      })
    )
    : undefined;
  const width = (factors ? places * embedding : places) +
    embedded.reduce((sum, { table }) => sum + table.shape[1]!, 0);
  if (width === 0) throw refusal("the network has no features");

  const blocks = blocksOf(embedded);
  const compute: EmbeddedFeatures["compute"] = (values, scope) => {
    const rows = lookUp(blocks, values, scope);
    const single = (name: string) => {
      const block = blocks.find(({ members }) => members[0]!.name === name)!;
      return tf.reshape(rows.get(block)!, [-1, block.size]);
    };
    const vectors = blocks.map((block) => {
      const [{ name, spec, pool }] = block.members, list = rows.get(block)!;
      // The rows of features with one id per row are already next to each other.
      if (!pool) return tf.reshape(list, [-1, block.places * block.size]);
      const mask = spec.ids?.padded
        ? tf.expandDims(
          tf.cast(tf.greaterEqual(values[name]!, tf.scalar(0, "int32")), "float32"),
          -1,
        )
        : undefined;
      return pool(list, mask, scope, single);
    });
    const plain = numbers.map((name, index) => {
      const size = sizeOf(features[name]!.shape);
      const row = tf.reshape(values[name]!, [-1, size]);
      if (!factors) return row;
      const scaled = tf.mul(tf.expandDims(row, 2), tf.expandDims(scope.read(factors[index]!), 0));
      return tf.reshape(scaled, [-1, size * embedding]);
    });
    const all = [...plain, ...vectors];
    return all.length === 1 ? all[0]! : tf.concat(all, 1);
  };
  const axis: EmbeddedFeatures["axis"] = {
    features: [
      ...numbers.map((name): AxisPart =>
        factors ? { feature: name, units: sizeOf(features[name]!.shape) * embedding } : name
      ),
      ...embedded.map(({ name, table }) => ({ feature: name, units: table.shape[1]! })),
    ],
  };
  return { width, axis, fields: places + embedded.length, compute };
}

/** The standard deviation of initial embeddings. */
const DEVIATION = 0.01;

/** Features in a row whose vectors have the same size, and which are processed together. */
interface Block {
  /** The features: several with one id per row, or a single one. */
  readonly members: readonly [Embedded, ...Embedded[]];
  /** The number of ids of all features in a row. */
  readonly places: number;
  /** The number of values per embedding. */
  readonly size: number;
}

/**
 * Joins features in a row that have one id per row, and vectors of the same size. Candidates of
 * attention are read on their own.
 */
function blocksOf(embedded: readonly Embedded[]): readonly Block[] {
  const blocks: Block[] = [];
  for (const feature of embedded) {
    const size = feature.table.shape[1]!, last = blocks.at(-1);
    if (last?.size === size && [last.members[0], feature].every(({ alone }) => !alone)) {
      blocks[blocks.length - 1] = {
        members: [...last.members, feature],
        places: last.places + feature.places,
        size,
      };
    } else {
      blocks.push({ members: [feature], places: feature.places, size });
    }
  }
  return blocks;
}

/**
 * Reads the rows of all features, `[batch, places, size]` for each block: all tables with rows of
 * the same size at once.
 */
function lookUp(
  blocks: readonly Block[],
  values: Readonly<Record<string, tf.Tensor>>,
  scope: Scope,
): Map<Block, tf.Tensor> {
  const rows = new Map<Block, tf.Tensor>();
  for (const size of new Set(blocks.map(({ size }) => size))) {
    const own = blocks.filter((block) => block.size === size);
    const read = own.flatMap(({ members }) => members);
    const ids = read.map(({ name, places }) => tf.reshape(values[name]!, [-1, places]));
    // Padding, −1, reads the first row.
    const places = tf.add(ids.length === 1 ? ids[0]! : tf.concat(ids, 1), tf.scalar(1, "int32"));
    const tables = read.flatMap(({ table, places }) => Array(places).fill(table) as Variable[]);
    const all = scope.lookupColumns(tables, places);
    const parts = own.length === 1 ? [all] : tf.split(all, own.map(({ places }) => places), 1);
    own.forEach((block, index) => rows.set(block, parts[index]!));
  }
  return rows;
}

const pooled = (pooling: "mean" | "sum"): Pool => (list, mask) => {
  const sum = tf.sum(mask ? tf.mul(list, mask) : list, 1);
  if (pooling === "sum") return sum;
  // The mean of an empty list is 0.
  return mask ? tf.div(sum, tf.maximum(tf.sum(mask, 1), 1)) : tf.div(sum, list.shape[1]!);
};

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

const refusal = (message: string, hint?: HintText) => new UserError(message, { hint, exitCode: 2 });
