/**
 * The parts of a batch. What a batch consists of is written here once: whoever copies, joins, or sends rows
 * does it by these functions, so that no part can be forgotten.
 *
 * @module
 */

import type { Batch, Column, ColumnSpec, LabelSpec } from "./batch.ts";

/** Something for each column of a batch. */
export interface Parts<C, Label extends C = C> {
  /** For the features, by name. */
  readonly features: Readonly<Record<string, C>>;
  /** For the label. */
  readonly label: Label;
  /** For the rows' weights, if they have any. */
  readonly weight?: C | undefined;
  /** For the columns that only metrics read, by their names in the source. */
  readonly columns?: Readonly<Record<string, C>> | undefined;
}

/** What the columns of a batch are. */
export type Specs = Parts<ColumnSpec, LabelSpec>;

/**
 * Whether a part is one column or several by name. The type checker asks for an entry for each part of a
 * batch.
 */
const forms: Readonly<
  Record<keyof Parts<unknown> | Exclude<keyof Batch, "size">, "one" | "named">
> = {
  features: "named",
  label: "one",
  weight: "one",
  columns: "named",
};

/**
 * Something else for each column.
 *
 * @param parts What there is for each column.
 * @param change What it becomes.
 */
export function mapParts<C, R>(parts: Parts<C>, change: (column: C) => R): Parts<R> {
  return combineParts([parts], change);
}

/**
 * One thing for each column, made of several.
 *
 * @param all What there is for each column, one at least; all have the same columns.
 * @param combine What becomes of what there is for one column.
 */
export function combineParts<Columns extends readonly unknown[], R>(
  all: { readonly [Index in keyof Columns]: Parts<Columns[Index]> },
  combine: (...columns: Columns) => R,
): Parts<R> {
  const each = all as readonly Parts<unknown>[];
  const combined = (columns: readonly unknown[]) => combine(...columns as unknown as Columns);
  const parts: Partial<Record<keyof Parts<R>, unknown>> = {};
  for (const [part, form] of entriesOf(forms)) {
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
 * What there is for each column, in a list.
 *
 * @param parts What there is.
 */
export function listParts<C>(parts: Parts<C>): C[] {
  const all: C[] = [];
  mapParts(parts, (column) => all.push(column));
  return all;
}

/**
 * A batch with other columns in the place of its own.
 *
 * @param batch The batch.
 * @param change What becomes of each column.
 */
export function mapBatch({ size, ...columns }: Batch, change: (column: Column) => Column): Batch {
  return { size, ...mapParts<Column, Column>(columns, change) };
}

/** An object with something else under each of its names. */
export function mapValues<T, R>(
  object: Readonly<Record<string, T>>,
  change: (value: T, name: string) => R,
): Record<string, R> {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [name, change(value, name)]),
  );
}

const entriesOf = <K extends string, V>(object: Readonly<Record<K, V>>) =>
  Object.entries(object) as [K, V][];
