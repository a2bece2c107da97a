import * as tf from "@tensorflow/tfjs";
import { gatherRows, type RowGradient, sumByRow, wholeGradient } from "../engine/tables.ts";
import type { Variable } from "../stages/network.ts";
import type { TensorsByName } from "./variables.ts";

/** Rows that were read in a step, and the gradient that came back for them. */
interface Use {
  readonly ids: tf.Tensor1D;
  readonly rows: tf.Tensor2D;
  readonly gradients: tf.Tensor2D;
}

/**
 * The rows of tables that a step reads, and their gradients.
 *
 * A table itself is not on the tape, where its gradient would be as large as the table. In its
 * place stands an anchor, a number that the rows seem to depend on; on its way back to the anchor
 * the gradient of the rows is kept.
 */
export class Lookups {
  /** By table: what the tape is asked for the gradient of, so that it comes past the rows. */
  readonly anchors: TensorsByName;
  readonly #values: TensorsByName;
  readonly #uses = new Map<string, Use[]>();

  /**
   * Prepares the look-ups of a step.
   *
   * @param variables The variables that move; other tables are read without a gradient.
   * @param values Their values.
   */
  constructor(variables: readonly Variable[], values: TensorsByName) {
    this.#values = values;
    this.anchors = Object.fromEntries(
      variables.filter(({ table }) => table).map(({ name }) => [name, tf.scalar(0)]),
    );
  }

  /**
   * Reads rows of a table.
   *
   * @param table The table.
   * @param ids The row numbers, of any shape.
   */
  readonly lookup = ({ name, shape }: Variable, ids: tf.Tensor): tf.Tensor => {
    const table = this.#values[name]!, anchor = this.anchors[name];
    if (!anchor) return gatherRows(table, ids);
    return tf.customGrad((anchor, save) => {
      const value = gatherRows(table, ids);
      (save as tf.GradSaveFunc)([ids, value]);
      return {
        value,
        gradFunc: (dy: tf.Tensor, [ids, value]: tf.Tensor[]) => {
          // The tape clears up behind itself; what is kept here, gradients() hands over.
          const use = {
            ids: tf.keep(tf.reshape(ids!, [-1]) as tf.Tensor1D),
            rows: tf.keep(tf.reshape(value!, [-1, shape[1]!]) as tf.Tensor2D),
            gradients: tf.keep(tf.reshape(dy, [-1, shape[1]!]) as tf.Tensor2D),
          };
          this.#uses.set(name, [...(this.#uses.get(name) ?? []), use]);
          return tf.zerosLike(anchor as tf.Tensor);
        },
      };
    })(anchor);
  };

  /**
   * The gradients of all tables that the loss reaches, by name.
   *
   * @returns Each row that was touched once; the tensors belong to the tidy around.
   */
  gradients(): ReadonlyMap<string, RowGradient> {
    const all = new Map<string, RowGradient>();
    for (const [name, uses] of this.#uses) {
      all.set(
        name,
        sumByRow(
          joined(uses.map(({ ids }) => ids)),
          joined(uses.map(({ gradients }) => gradients)),
          joined(uses.map(({ rows }) => rows)),
        ),
      );
      for (const { ids, gradients, rows } of uses) tf.dispose([ids, gradients, rows]);
    }
    this.#uses.clear();
    return all;
  }

  /**
   * The gradients of all tables that the loss reaches, as large as the tables.
   *
   * @returns The tensors, which belong to the tidy around.
   */
  wholeGradients(): TensorsByName {
    const all: Record<string, tf.Tensor> = {};
    for (const [name, uses] of this.#uses) {
      all[name] = wholeGradient(
        joined(uses.map(({ ids }) => ids)),
        joined(uses.map(({ gradients }) => gradients)),
        this.#values[name]!.shape[0]!,
      );
      for (const { ids, gradients, rows } of uses) tf.dispose([ids, gradients, rows]);
    }
    this.#uses.clear();
    return all;
  }
}

function joined<T extends tf.Tensor>(parts: readonly T[]): T {
  return parts.length === 1 ? parts[0]! : tf.concat([...parts]) as T;
}
