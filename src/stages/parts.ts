/**
 * The parts of a batch. Only this module lists the parts of a batch: code that copies, joins or
 * sends rows uses these functions, so that it cannot forget a part.
 *
 * @module
 */

import type { Batch, Column, ColumnSpec, LabelSpec } from "./batch.ts";

/** A value for each column of a batch. */
export interface Parts<C, Label extends C = C> {
  /** The values for the features, by name. */
  readonly features: Readonly<Record<string, C>>;
  /** The value for the label. */
  readonly label: Label;
  /** The value for the rows' weights, if they have any. */
  readonly weight?: C | undefined;
  /** The values for the columns that only metrics, losses, and groups read, by their names in the source. */
  readonly columns?: Readonly<Record<string, C>> | undefined;
  /** The values for the logits of teachers outside the run. */
  readonly teachers?: Readonly<Record<string, C>> | undefined;
}

/** The descriptions of the columns of a batch: the features, the label, and other columns. */
export type Specs = Parts<ColumnSpec, LabelSpec>;

/**
 * Whether a part is one column or several by name. The type requires an entry for each part of a
 * batch.
 */
const forms: Readonly<
  Record<keyof Parts<unknown> | Exclude<keyof Batch, "size">, "one" | "named">
> = {
  features: "named",
  label: "one",
  weight: "one",
  columns: "named",
  teachers: "named",
};

const formsOfParts = Object.entries(forms) as [keyof typeof forms, "one" | "named"][];

/**
 * Applies a function to the value that belongs to each column of a batch, such as its description.
 *
 * @param parts The values.
 * @param change Returns the new value of a column.
 * @returns The new values.
 */
export function mapParts<C, R>(parts: Parts<C>, change: (column: C) => R): Parts<R> {
  const mapped: Partial<Record<keyof Parts<R>, unknown>> = {};
  for (const [part, form] of formsOfParts) {
    const given = parts[part];
    if (given === undefined) continue;
    mapped[part] = form === "one"
      ? change(given as C)
      : mapValues(given as Readonly<Record<string, C>>, change);
  }
  return mapped as unknown as Parts<R>;
}

/**
 * Combines the parts of several batches into one, column by column.
 *
 * @param all Lists of values for the same columns; at least one.
 * @param combine Returns the combined value of one column from the list of its values.
 * @returns The combined values.
 */
export function combineParts<Columns extends readonly unknown[], R>(
  all: { readonly [Index in keyof Columns]: Parts<Columns[Index]> },
  combine: (columns: Columns) => R,
): Parts<R> {
  const each = all as readonly Parts<unknown>[];
  const combined = (columns: readonly unknown[]) => combine(columns as unknown as Columns);
  const parts: Partial<Record<keyof Parts<R>, unknown>> = {};
  for (const [part, form] of formsOfParts) {
    const given = each.map((parts) => parts[part]);
    if (given[0] === undefined) continue;
    parts[part] = form === "one" ? combined(given) : mapValues(
      given[0] as Readonly<Record<string, unknown>>,
      (_, name) => combined(given.map((named) => (named as Record<string, unknown>)[name])),
    );
  }
  return parts as unknown as Parts<R>;
}

/**
 * Lists the values of all columns.
 *
 * @param parts The values.
 */
export function listParts<C>(parts: Parts<C>): C[] {
  const all: C[] = [];
  mapParts(parts, (column) => all.push(column));
  return all;
}

/**
 * Applies a function to each column of a batch, and returns a batch of the results.
 *
 * @param batch The batch, which is not changed.
 * @param change Returns the new column.
 */
export function mapBatch({ size, ...columns }: Batch, change: (column: Column) => Column): Batch {
  return { size, ...mapParts<Column, Column>(columns, change) };
}

/**
 * Applies a function to each value of an object. Returns an object with the results under the same
 * keys.
 */
export function mapValues<T, R>(
  object: Readonly<Record<string, T>>,
  change: (value: T, name: string) => R,
): Record<string, R> {
  const mapped: Record<string, R> = {};
  // A loop without lists of entries: this runs for each request that a server answers.
  for (const name of Object.keys(object)) {
    const value = change(object[name]!, name);
    if (name !== "__proto__") mapped[name] = value;
    else {
      const own = { value, writable: true, enumerable: true, configurable: true };
      Object.defineProperty(mapped, name, own);
    }
  }
  return mapped;
}
