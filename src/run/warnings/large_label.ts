import type { Problem } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { labelColumns } from "../../pipeline/data_options.ts";
import { labelPart, labelValue } from "../../stages/labels.ts";
import type { Facts } from "./facts.ts";

/** The largest acceptable size of the label: the root of the mean of its squares. */
const LARGEST = 100;

/**
 * Warns about a label with large numbers and the loss `mean-squared-error`, whose gradient grows
 * with the label. Nets start with outputs near 0, so they diverge, or need many epochs only to
 * reach the mean of the label.
 *
 * @param facts Facts about the run.
 */
export function largeLabel(
  { sample, label: spec, plan: { document, label, phases } }: Facts,
): Problem[] {
  const squared = phases.flatMap(({ losses }) =>
    losses.filter(({ stage }) => stage.name === "mean-squared-error").map(({ label }) => label)
  );
  return [...new Set(squared)].flatMap((name): Problem[] => {
    const part = labelPart(spec, name), path = name === undefined ? ["label"] : ["labels", name];
    const values = sample.flatMap(({ read }) =>
      Array.from({ length: read.size }, (_, row) => labelValue(read.label, row, part))
    ).filter((value) => !Number.isNaN(value));
    const size = Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);
    if (!(size > LARGEST)) return [];
    const unit = 10 ** Math.round(Math.log10(size));
    return [{
      message: `the values of the label ${name ?? labelColumns(label)[0]} are about ${
        Number(size.toPrecision(2)).toLocaleString("en")
      }, and the loss mean-squared-error needs small values, at most about 10: the nets may diverge or learn slowly`,
      place: document.place(["data", ...path]),
      hint: hint(
        "warning/large-label",
        `divide the label by ${unit.toLocaleString("en")} in the data, or in the query of the ` +
          "source `sql`, and multiply predictions by the same number",
        { edit: "the data" },
      ),
    }];
  });
}
