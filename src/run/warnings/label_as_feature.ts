import type { Problem } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { labelColumns } from "../../pipeline/data_options.ts";
import type { ColumnSpec } from "../../stages/batch.ts";
import { labelParts, labelValues } from "../../stages/labels.ts";
import { sizeOf } from "../../input/columns.ts";
import type { Facts } from "./facts.ts";

/** In fewer rows than this, a feature may equal the label by chance. */
const FEWEST = 32;

/**
 * Warns about features that are the label itself: the same column, or a column with the same
 * values.
 *
 * @param facts Facts about the run.
 */
export function labelAsFeature(facts: Facts): Problem[] {
  const { plan: { features, label, document } } = facts;
  return Object.entries(features).flatMap(([name, { column = name }]): Problem[] => {
    const isLabel = labelColumns(label).includes(column);
    if (!isLabel && !hasValuesOfLabel(name, facts)) return [];
    return [{
      message: isLabel
        ? `the feature ${name} is read from the label's column: the nets can read the label that they should predict`
        : `the feature ${name} equals the label in every sampled row: ` +
          "the nets can read the label that they should predict",
      place: document.place(["data", "features", name]),
      hint: hint("warning/label-feature", `remove the feature ${name}`, { remove: ["."] }),
    }];
  });
}

function hasValuesOfLabel(name: string, { features, label, sample }: Facts): boolean {
  const spec = features[name]!;
  const rows = sample.reduce((sum, { read }) => sum + read.size, 0);
  if (sizeOf(spec.shape) !== 1 || rows < FEWEST) return false;
  const parts = labelParts(label);
  // A feature may equal one of the classes of a multi-label label.
  const places = (parts.length > 0 ? parts : [undefined]).flatMap((part) => {
    const { kind, classes, vocabulary } = part?.spec ?? label, isMulti = kind === "multi-label";
    const named = { vocabulary: isMulti ? undefined : vocabulary };
    return Array.from({ length: isMulti ? classes : 1 }, (_, at) => ({ part, at, named }));
  });
  return places.some(({ part, at, named }) => {
    const found = new Set<string>();
    for (const { read } of sample) {
      for (let row = 0; row < read.size; row++) {
        const value = valueOf(labelValues(read.label, row, part)[at]!, named);
        if (valueOf(read.features[name]!.values[row]!, spec) !== value) return false;
        found.add(value);
      }
    }
    return found.size > 1;
  });
}

/** Returns a value as it is in the data file. */
const valueOf = (value: number, { vocabulary }: Pick<ColumnSpec, "vocabulary">) =>
  vocabulary?.[value] ?? String(value);
