/**
 * The unknown id: the id that all values share that are not in a vocabulary.
 *
 * @module
 */

import type { Split } from "./split.ts";

/**
 * A feature whose id for unknown values occurs in no training row. The embedding of this id then
 * keeps its random initial value.
 */
export interface UntrainedUnknown {
  /** The name of the feature. */
  readonly feature: string;
  /**
   * In each other split, the number of values that have the id for unknown values, and the number
   * of all values.
   */
  readonly splits: readonly {
    readonly split: string;
    readonly unknown: number;
    readonly values: number;
  }[];
}

/**
 * Finds the features with a vocabulary whose id for unknown values occurs in no training row.
 * Features that share ids also share this id: it is trained if it occurs in any of them.
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
