/**
 * Ids that stand for values without an id of their own.
 *
 * @module
 */

import type { Split } from "./split.ts";

/**
 * A feature whose unknown id no training row has, so that what a net keeps of it stays as it was
 * drawn.
 */
export interface UntrainedUnknown {
  /** The feature. */
  readonly feature: string;
  /** How many of its values have the unknown id in each other split, each time that they occur. */
  readonly splits: readonly {
    readonly split: string;
    readonly unknown: number;
    readonly values: number;
  }[];
}

/**
 * The features with a vocabulary whose unknown id no training row has. Features that share ids have
 * one: what a row of one of them trains, it trains for all.
 *
 * @param splits The splits by name.
 */
export function untrainedUnknowns(
  splits: Readonly<Record<string, Pick<Split, "features" | "idCounts">>> & {
    readonly train: Pick<Split, "features" | "idCounts">;
  },
): UntrainedUnknown[] {
  const { train: { features, idCounts }, ...others } = splits;
  const nameOf = (feature: string) => features[feature]!.ids?.name;
  const trained = new Set(
    Object.entries(idCounts).flatMap(([feature, { unknown }]) =>
      unknown > 0 ? [nameOf(feature)] : []
    ),
  );
  return Object.keys(idCounts).filter((feature) =>
    nameOf(feature) !== undefined && !trained.has(nameOf(feature))
  ).map((
    feature,
  ) => ({
    feature,
    splits: Object.entries(others).flatMap(([split, { idCounts }]) => {
      const counts = idCounts[feature];
      return counts ? [{ split, unknown: counts.unknown, values: counts.values }] : [];
    }),
  }));
}
