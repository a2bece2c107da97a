import * as tf from "@tensorflow/tfjs";
import type { RowGradient } from "../engine/tables.ts";
import type { Variable } from "../stages/network.ts";
import { Lookups } from "./lookups.ts";
import type { TensorsByName } from "./variables.ts";

/** The gradients of a loss with respect to variables. */
export interface Gradients {
  /**
   * The gradients by the variable's name. They include tables of which all rows are updated, and
   * exclude variables that the loss does not depend on.
   */
  readonly gradients: Readonly<Record<string, tf.Tensor | undefined>>;
  /** The gradients of the rows that were read, by the table's name. */
  readonly rows: ReadonlyMap<string, RowGradient>;
}

/**
 * Computes the gradients of a loss with respect to variables.
 *
 * @param variables The variables. Those that are not trainable get no gradient.
 * @param values Their values.
 * @param loss Computes the loss. It reads table rows with the function that it receives.
 * @param tables Whether tables get gradients for the rows that were read only, or for all rows.
 * @returns The gradients. They belong to the enclosing `tf.tidy()`.
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
  // Unlike tf.grads(), this accepts variables that the loss does not depend on.
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
