import * as tf from "@tensorflow/tfjs";
import { type RowGradient, sumByRow } from "../engine/tables.ts";
import type { Variable } from "../stages/network.ts";
import { Lookups, type RowUses } from "./lookups.ts";
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

/** The gradients of a loss, before the gradients that belong to the same row of a table are summed. */
export interface UsedGradients {
  /** As {@linkcode Gradients.gradients}. */
  readonly gradients: Gradients["gradients"];
  /** The rows that were read and their gradients, by the table's name; kept from `tf.tidy()`. */
  readonly uses: Readonly<Record<string, RowUses>>;
}

/** The options of {@linkcode usedGradientsOf}. */
export interface GradientOptions {
  /** Whether tables get gradients for the rows that were read only (`lazy`, the default), or all. */
  readonly tables?: "lazy" | "exact" | undefined;
  /** A name for exchanges with other processes, if a function computes several gradients. */
  readonly exchange?: string | undefined;
}

/**
 * Computes the gradients of a loss with respect to variables.
 *
 * @param variables The variables. Those that are not trainable get no gradient.
 * @param values Their values.
 * @param loss Computes the loss. It reads table rows with the function that it receives.
 * @param options For {@linkcode usedGradientsOf}.
 * @returns The gradients. They belong to the enclosing `tf.tidy()`.
 */
export function gradientsOf(
  variables: readonly Variable[],
  values: TensorsByName,
  loss: (lookup: Lookups["lookup"]) => tf.Scalar,
  options: GradientOptions = {},
): Gradients {
  const { gradients, uses } = usedGradientsOf(variables, values, loss, options);
  const rows = summedRows(uses, values);
  disposeUses(uses);
  return { gradients, rows };
}

/**
 * Computes the gradients of a loss with respect to variables, without summing those of the same row
 * of a table.
 *
 * @param variables The variables. Those that are not trainable get no gradient.
 * @param values Their values.
 * @param loss Computes the loss. It reads table rows with the function that it receives.
 * @param options Which rows get gradients.
 * @returns The gradients.
 */
export function usedGradientsOf(
  variables: readonly Variable[],
  values: TensorsByName,
  loss: (lookup: Lookups["lookup"]) => tf.Scalar,
  { tables = "lazy", exchange }: GradientOptions = {},
): UsedGradients {
  const lookups = new Lookups(variables, values, exchange);
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
    ? { gradients: { ...gradients, ...lookups.wholeGradients() }, uses: {} }
    : { gradients, uses: lookups.uses() };
}

/**
 * Sums the gradients that belong to the same row.
 *
 * @param uses The rows that were read, by the table's name.
 * @param values The variables' values.
 */
export function summedRows(
  uses: UsedGradients["uses"],
  values: TensorsByName,
): Gradients["rows"] {
  return new Map(
    Object.entries(uses).map(([name, { ids, gradients }]) => [
      name,
      sumByRow(ids, gradients, values[name]!),
    ]),
  );
}

/**
 * Disposes of the rows that {@linkcode usedGradientsOf} returned.
 *
 * @param uses The rows.
 */
export function disposeUses(uses: UsedGradients["uses"]): void {
  for (const { ids, gradients } of Object.values(uses)) tf.dispose([ids, gradients]);
}
