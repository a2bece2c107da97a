import * as tf from "@tensorflow/tfjs";
import { gatherFrom, storeOf, wholeGradient } from "../engine/tables.ts";
import type { Variable } from "../stages/network.ts";
import type { TensorsByName } from "./variables.ts";

/**
 * The rows of the tables of a store that were read, and their gradients. A row can occur more than
 * once.
 */
export interface RowUses {
  /** The row numbers in the store, `[uses]`, int32. */
  readonly ids: tf.Tensor1D;
  /** The gradients `[uses, size]`. */
  readonly gradients: tf.Tensor2D;
}

/**
 * The rows of embedding tables that a step reads, and their gradients.
 *
 * The automatic differentiation (tape) does not track a table itself, because the gradient would be
 * as large as the table. It tracks an anchor instead: a scalar that the rows formally depend on.
 * When the backward pass reaches the anchor, the gradient of the rows is stored.
 */
export class Lookups {
  /**
   * The anchor of the tables of each store, by the name of its first table. The tape computes their
   * gradients and thus passes through the rows.
   */
  readonly anchors: TensorsByName;
  readonly #values: TensorsByName;
  readonly #first: ReadonlyMap<string, string>;
  readonly #uses = new Map<string, RowUses[]>();
  readonly #exchange: string;
  #count = 0;

  /**
   * Prepares the lookups of a step.
   *
   * @param variables The variables that the step updates. Tables of other variables are read, but
   *   get no gradient.
   * @param values The variables' values.
   * @param exchange A name for reading sharded tables, if a function has several of these objects.
   */
  constructor(variables: readonly Variable[], values: TensorsByName, exchange = "step") {
    this.#values = values;
    this.#exchange = exchange;
    this.#first = firstOfStore(variables, values);
    this.anchors = Object.fromEntries(
      [...new Set(this.#first.values())].map((name) => [name, tf.scalar(0)]),
    );
  }

  /**
   * Reads rows of tables that are in the same store.
   *
   * @param tables One table, for all row numbers; or several, one for each number along the last
   *   axis.
   * @param ids The row numbers, int32, of any shape.
   * @returns The rows.
   */
  readonly lookup = (tables: readonly Variable[], ids: tf.Tensor): tf.Tensor => {
    const read = tables.map(({ name }) => this.#values[name]!), [table] = read;
    const name = this.#first.get(tables[0]!.name);
    const exchange = `lookup ${this.#count++} of ${this.#exchange}`;
    if (name === undefined) return gatherFrom(read, ids, exchange).rows;
    const size = table!.shape[1]!;
    return tf.customGrad((anchor, save) => {
      const { numbers, rows: value } = gatherFrom(read, ids, exchange);
      (save as tf.GradSaveFunc)([numbers]);
      return {
        value,
        gradFunc: (dy: tf.Tensor, [numbers]: tf.Tensor[]) => {
          // The tape disposes of its tensors, so tensors for gradients() have to be kept.
          const use = {
            ids: tf.keep(tf.reshape(numbers!, [-1]) as tf.Tensor1D),
            gradients: tf.keep(tf.reshape(dy, [-1, size]) as tf.Tensor2D),
          };
          this.#uses.set(name, [...(this.#uses.get(name) ?? []), use]);
          return tf.zerosLike(anchor as tf.Tensor);
        },
      };
    })(this.anchors[name]!);
  };

  /**
   * Returns the rows that were read of all tables that the loss depends on, by the name of the first
   * table of their store.
   *
   * @returns The rows with their gradients, which are kept from `tf.tidy()`.
   */
  uses(): Record<string, RowUses> {
    const all: Record<string, RowUses> = {};
    for (const [name, uses] of this.#uses) {
      const [first, ...more] = uses;
      all[name] = more.length === 0 ? first! : {
        ids: tf.keep(tf.concat(uses.map(({ ids }) => ids))),
        gradients: tf.keep(tf.concat(uses.map(({ gradients }) => gradients))),
      };
      if (more.length === 0) continue;
      for (const { ids, gradients } of uses) tf.dispose([ids, gradients]);
    }
    this.#uses.clear();
    return all;
  }

  /**
   * Returns the gradients of all rows of all tables that the loss depends on.
   *
   * @returns The gradients, which have the shapes of the tables. They belong to the enclosing
   *   `tf.tidy()`.
   */
  wholeGradients(): TensorsByName {
    const all: Record<string, tf.Tensor> = {};
    for (const [name, uses] of this.#uses) {
      all[name] = wholeGradient(
        joined(uses.map(({ ids }) => ids)),
        joined(uses.map(({ gradients }) => gradients)),
        this.#values[name]!.shape[0]!,
      );
      for (const { ids, gradients } of uses) tf.dispose([ids, gradients]);
    }
    this.#uses.clear();
    return all;
  }
}

function joined<T extends tf.Tensor>(parts: readonly T[]): T {
  return parts.length === 1 ? parts[0]! : tf.concat([...parts]) as T;
}

/**
 * Finds the first table of the store of each table. The tables of a store are updated together,
 * under the name of the first one.
 *
 * @param variables The variables.
 * @param values Their values.
 * @returns The names of the first tables, by the names of all tables.
 */
export function firstOfStore(
  variables: readonly Variable[],
  values: TensorsByName,
): ReadonlyMap<string, string> {
  const names = new Map<object, string>();
  return new Map(
    variables.filter(({ table }) => table).map(({ name }) => {
      const store = storeOf(values[name]!);
      if (!names.has(store)) names.set(store, name);
      return [name, names.get(store)!];
    }),
  );
}
