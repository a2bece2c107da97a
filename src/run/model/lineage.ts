import type { ColumnSpec } from "../../stages/batch.ts";
import type { PlannedTransform } from "../../input/transforms.ts";

type Specs = Readonly<Record<string, ColumnSpec>>;

/**
 * The features of the source that each feature depends on, once transforms are applied. A feature
 * that a transform passes on depends on what it did; one that it changes under the same name on
 * what that one did; a new one on all.
 *
 * @param first The features as they are read.
 * @param transforms The transforms, in their order.
 * @returns The names of source features by the name of the feature that the nets get.
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
        // The same object under another name is the same feature: `rename` hands it on.
        const passed = Object.keys(given).find((other) => given[other] === spec);
        return [name, before[passed ?? name] ?? all];
      }),
    );
    specs = features;
  }
  return lineage;
}
