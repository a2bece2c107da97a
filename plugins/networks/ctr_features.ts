/**
 * Converts the features of click prediction to vectors: ids become rows of embedding tables, lists
 * of ids are pooled to one vector, and numbers are unchanged.
 *
 * @module
 */

import {
  type ColumnSpec,
  didYouMean,
  hint,
  type HintText,
  nearest,
  type Scope,
  tf,
  UserError,
  type Variable,
  type VariableAxis,
  type VariableOwner,
  type VariableRegistry,
  yamlName,
  z,
} from "../../plugin.ts";
import { activation, activationNames } from "./activations.ts";
import { dense } from "./layers.ts";

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

/** The options of a single feature that override those of the network. */
export const ctrFeature = z.strictObject({
  size: z.int().positive().optional().describe(
    "The number of values per embedding; by default, the network's option `embedding`.",
  ),
  pooling: z.enum(["mean", "sum"]).optional().describe(
    "How to combine the embeddings of a list into one, ignoring its padding; mean by default.",
  ),
  attention: attention.optional().describe(
    "Attention (DIN): the weighted sum of a list's embeddings, with weights that " +
      "depend on the candidate.",
  ),
}).refine(({ pooling, attention }) => !pooling || !attention, {
  error: "expected pooling or attention",
});

/** The options of features in the network `ctr`, by the feature's name. */
export type CtrFeatures = Readonly<Record<string, z.output<typeof ctrFeature>>>;

/**
 * The input of the hidden layers in the network `ctr`: the vectors of all features of a row,
 * concatenated.
 */
export interface Entry {
  /** The number of values. */
  readonly width: number;
  /** What the values represent. */
  readonly axis: VariableAxis;
  /** Computes the values, `[batch, width]`. */
  readonly compute: (
    features: Readonly<Record<string, tf.Tensor>>,
    scope: Scope,
  ) => tf.Tensor;
}

/** The declarations of one feature with ids. */
interface Embedded {
  readonly name: string;
  readonly spec: ColumnSpec;
  readonly table: Variable;
  /** The number of ids in a row. */
  readonly places: number;
  readonly pool: Pool;
}

/** Pools `[batch, places, size]` to `[batch, size]`. `mask` is `[batch, places, 1]`. */
type Pool = (
  list: tf.Tensor,
  mask: tf.Tensor | undefined,
  scope: Scope,
  rowOf: (feature: string) => tf.Tensor,
) => tf.Tensor;

/**
 * The owner of the variables that {@linkcode ctrEntry} declares (a net, or both nets), and the
 * prefix of their names.
 */
export interface EntryOwner {
  /** The owner. */
  readonly owner: VariableOwner;
  /** The prefix of their names. */
  readonly prefix: string;
}

/**
 * Declares the variables that features need, and concatenates the features. Each embedding table
 * has one row more than there are ids: the first row represents the padding of lists and does not
 * affect any result.
 *
 * @param variables Declares tables and activation units.
 * @param features The features after the transforms.
 * @param options The size of embeddings, and the options of single features.
 * @param whose The owner and name prefix of the variables.
 * @throws {UserError} If a feature does not match its options.
 */
export function ctrEntry(
  variables: VariableRegistry,
  features: Readonly<Record<string, ColumnSpec>>,
  options: { readonly embedding: number; readonly features: CtrFeatures },
  { owner, prefix }: EntryOwner,
): Entry {
  const names = Object.keys(features);
  for (const name of Object.keys(options.features)) {
    if (Object.hasOwn(features, name)) continue;
    throw refusal(
      `there is no feature ${JSON.stringify(name)}`,
      hint(
        "ctr/features",
        `${didYouMean(name, names)}the features are ${names.map(yamlName).join(", ")}`,
        {
          set: { [`features/${nearest(name, names) ?? names[0]}`]: {} },
          remove: [`features/${name}`],
        },
      ),
    );
  }
  // A feature may have the name of an inherited property, such as toString.
  const optionsOf = (name: string) =>
    Object.hasOwn(options.features, name) ? options.features[name] : undefined;
  const tables = new Map<string, Variable>();
  const numbers = names.filter((name) => features[name]!.dtype === "float32");
  for (const name of numbers) {
    if (!optionsOf(name)) continue;
    throw refusal(
      `the feature ${name} holds numbers, which have no embedding`,
      hint("ctr/numbers", `remove ${name} from the network's \`features\``, {
        remove: [`features/${name}`],
      }),
    );
  }
  const embedded = names.filter((name) => features[name]!.dtype === "int32").map((name) => {
    const spec = features[name]!, own = optionsOf(name) ?? {};
    const table = tableOf(name, spec, own.size ?? options.embedding);
    const size = table.shape[1]!;
    if (spec.shape.length > 1) {
      throw refusal(
        `the feature ${name} has ids of shape [${spec.shape}], but ctr reads one id or one list of ids per row`,
        hint(
          "ctr/ids-shape",
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
        hint("ctr/pooling", "remove `pooling` and `attention`", {
          remove: [`features/${name}/pooling`, `features/${name}/attention`],
        }),
      );
    }
    const pool = own.attention
      ? attend(name, own.attention, size)
      : spec.shape.length === 0
      ? reshaped(size)
      : pooled(own.pooling ?? "mean");
    return { name, spec, table, places: spec.shape[0] ?? 1, pool };
  });

  function tableOf(name: string, { ids, vocabulary }: ColumnSpec, size: number): Variable {
    const count = ids?.count ?? vocabulary?.length;
    if (count === undefined) {
      throw refusal(
        `the number of ids of the feature ${name} is unknown`,
        hint(
          "ctr/ids",
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
          "ctr/shared-size",
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
      initializer: { kind: "normal", deviation: 0.01 },
      owner,
      table: true,
      axes: [{ ids: name, before: 1 }, "units"],
    });
    tables.set(key, table);
    return table;
  }

  function attend(
    name: string,
    { to, hidden, activation: kind }: z.output<typeof attention>,
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
          "ctr/candidate",
          `${candidate ? "" : didYouMean(to, candidates)}the features with one id per row are ${
            candidates.map(yamlName).join(", ")
          }`,
          { set: { [`features/${name}/attention/to`]: nearest(to, candidates) ?? candidates[0] } },
        ),
      );
    }
    const other = tableOf(to, candidate, optionsOf(to)?.size ?? options.embedding);
    if (other.shape[1] !== size) {
      throw refusal(
        `the feature ${to} has embeddings of size ${
          other.shape[1]
        }, but the feature ${name}, which attends to it, has size ${size}`,
        hint("ctr/attention-size", `write \`size: ${size}\` for ${to}`, {
          set: { [`features/${to}/size`]: size },
        }),
      );
    }
    const sizes = [4 * size, ...hidden];
    const layers = hidden.map((units, index) => {
      const layer = `${prefix}attention/${name}/dense${index + 1}`;
      return {
        layer: dense(variables, layer, sizes[index]!, units, owner),
        activate: activation(variables, layer, kind, units, owner),
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

  const width = numbers.reduce((sum, name) => sum + sizeOf(features[name]!.shape), 0) +
    embedded.reduce((sum, { table }) => sum + table.shape[1]!, 0);
  if (width === 0) throw refusal("the network has no features");

  const compute: Entry["compute"] = (values, scope) => {
    const rows = lookUp(embedded, values, scope);
    const single = (name: string) => {
      const { table } = embedded.find((feature) => feature.name === name)!;
      return tf.reshape(rows.get(name)!, [-1, table.shape[1]!]);
    };
    const vectors = embedded.map(({ name, spec, pool }) => {
      const mask = spec.ids?.padded
        ? tf.expandDims(
          tf.cast(tf.greaterEqual(values[name]!, tf.scalar(0, "int32")), "float32"),
          -1,
        )
        : undefined;
      return pool(rows.get(name)!, mask, scope, single);
    });
    const plain = numbers.map((name) =>
      tf.reshape(values[name]!, [-1, sizeOf(features[name]!.shape)])
    );
    const all = [...plain, ...vectors];
    return all.length === 1 ? all[0]! : tf.concat(all, 1);
  };
  const axis: VariableAxis = {
    features: [
      ...numbers,
      ...embedded.map(({ name, table }) => ({ feature: name, units: table.shape[1]! })),
    ],
  };
  return { width, axis, compute };
}

/** The rows of all features, `[batch, places, size]`: each table is read once. */
function lookUp(
  embedded: readonly Embedded[],
  values: Readonly<Record<string, tf.Tensor>>,
  scope: Scope,
): Map<string, tf.Tensor> {
  const rows = new Map<string, tf.Tensor>();
  for (const table of new Set(embedded.map(({ table }) => table))) {
    const own = embedded.filter((feature) => feature.table === table);
    const ids = own.map(({ name, places }) => tf.reshape(values[name]!, [-1, places]));
    // Padding, −1, reads the first row.
    const places = tf.add(ids.length === 1 ? ids[0]! : tf.concat(ids, 1), tf.scalar(1, "int32"));
    const all = scope.lookup(table, places);
    const parts = own.length === 1 ? [all] : tf.split(all, own.map(({ places }) => places), 1);
    own.forEach(({ name }, index) => rows.set(name, parts[index]!));
  }
  return rows;
}

const reshaped = (size: number): Pool => (list) => tf.reshape(list, [-1, size]);

const pooled = (pooling: "mean" | "sum"): Pool => (list, mask) => {
  const sum = tf.sum(mask ? tf.mul(list, mask) : list, 1);
  if (pooling === "sum") return sum;
  // The mean of an empty list is 0.
  return mask ? tf.div(sum, tf.maximum(tf.sum(mask, 1), 1)) : tf.div(sum, list.shape[1]!);
};

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

const refusal = (message: string, hint?: HintText) => new UserError(message, { hint, exitCode: 2 });
