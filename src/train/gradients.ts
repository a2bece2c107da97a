import * as tf from "@tensorflow/tfjs";
import type { RowGradient } from "../engine/tables.ts";
import type { Variable } from "../stages/network.ts";
import { Lookups } from "./lookups.ts";
import type { TensorsByName } from "./variables.ts";

/** The gradients of a loss. */
export interface Gradients {
  /**
   * By variable, tables among them where all their rows are moved; those that the loss does not
   * reach have none.
   */
  readonly gradients: Readonly<Record<string, tf.Tensor | undefined>>;
  /** By table, of the rows that were read. */
  readonly rows: ReadonlyMap<string, RowGradient>;
}

/**
 * The gradients of a loss by the variables that it depends on.
 *
 * @param variables The variables; those that are not trainable have none.
 * @param values Their values.
 * @param loss Computes the loss, reading tables by the function that it is given.
 * @param tables Whether gradients of tables are those of the rows that were read, or of all rows.
 * @returns The gradients, which belong to the tidy around.
 */
export function gradientsOf(
  variables: readonly Variable[],
  values: TensorsByName,
  loss: (lookup: Lookups["lookup"]) => tf.Scalar,
  tables: "lazy" | "exact" = "lazy",
): Gradients {
  const lookups = new Lookups(variables, values);
  const names = variables.filter(({ trainable, table }) => trainable && !table)
    .map(({ name }) => name);
  // Unlike tf.grads(), this allows variables that the loss does not reach.
  const { grads } = tf.engine().gradients(
    () => loss(lookups.lookup),
    [...names.map((name) => values[name]!), ...Object.values(lookups.anchors)],
    undefined,
    true,
  );
  const gradients = Object.fromEntries(names.map((name, index) => [name, grads[index]]));
  return tables === "exact"
    ? { gradients: { ...gradients, ...lookups.wholeGradients() }, rows: new Map() }
    : { gradients, rows: lookups.gradients() };
}
