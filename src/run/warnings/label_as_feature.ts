import type { Problem } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import type { ColumnSpec, LabelSpec } from "../../stages/batch.ts";
import { sizeOf } from "../../input/columns.ts";
import type { Facts } from "./facts.ts";

/** Fewer rows may be equal by chance. */
const FEWEST = 32;

/**
 * Warns of features that are the label: its own column, or a column with its values.
 *
 * @param facts What is known of the run.
 */
export function labelAsFeature(facts: Facts): Problem[] {
  const { plan: { features, label, document } } = facts;
  return Object.entries(features).flatMap(([name, { column = name }]): Problem[] => {
    const isLabel = column === label.column;
    if (!isLabel && !hasValuesOfLabel(name, facts)) return [];
    return [{
      message: isLabel
        ? `the feature ${name} is the label's own column: the nets are told what they are to predict`
        : `the feature ${name} has the label's value in each of the rows that were looked at: ` +
          "the nets are told what they are to predict",
      place: document.place(["data", "features", name]),
      hint: hint("warning/label-feature", `leave out the feature ${name}`, { remove: ["."] }),
    }];
  });
}

function hasValuesOfLabel(name: string, { features, label, sample }: Facts): boolean {
  const spec = features[name]!;
  const rows = sample.reduce((sum, { read }) => sum + read.size, 0);
  if (sizeOf(spec.shape) !== 1 || rows < FEWEST) return false;
  const found = new Set<string>();
  for (const { read } of sample) {
    for (let row = 0; row < read.size; row++) {
      const value = valueOf(read.label.values[row]!, label);
      if (valueOf(read.features[name]!.values[row]!, spec) !== value) return false;
      found.add(value);
    }
  }
  return found.size > 1;
}

/** A value as the file has it. */
const valueOf = (value: number, { vocabulary }: ColumnSpec | LabelSpec) =>
  vocabulary?.[value] ?? String(value);
