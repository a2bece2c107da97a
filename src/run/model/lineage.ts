import type { ColumnSpec } from "../../stages/batch.ts";
import type { PlannedTransform } from "../../input/transforms.ts";

type Specs = Readonly<Record<string, ColumnSpec>>;

/**
 * Returns the features of the source that each feature depends on after transforms. A feature that a
 * transform passes on or changes under the same name keeps its dependencies. A new feature depends
 * on all features.
 *
 * @param first The features as read from the source.
 * @param transforms The transforms, in order.
 * @returns The names of the source's features, by the name of the feature that the nets receive.
 */
export function lineageOf(
  first: Specs,
  transforms: readonly Pick<PlannedTransform, "transform">[],
): Record<string, readonly string[]> {
  let specs = first;
  let lineage: Record<string, readonly string[]> = Object.fromEntries(
    Object.keys(first).map((name) => [name, [name]]),
  );
  for (const { transform: { features } } of transforms) {
    const before = lineage, given = specs;
    const all = [...new Set(Object.values(before).flat())];
    lineage = Object.fromEntries(
      Object.entries(features).map(([name, spec]) => {
        // The same object under another name is the same feature: `rename` passes it on.
        const passed = Object.keys(given).find((other) => given[other] === spec);
        return [name, before[passed ?? name] ?? all];
      }),
    );
    specs = features;
  }
  return lineage;
}
