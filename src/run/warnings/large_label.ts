import type { Problem } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
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
export function largeLabel({ sample, plan: { document, label, phases } }: Facts): Problem[] {
  const isSquared = phases.some(({ losses }) =>
    losses.some(({ stage }) => stage.name === "mean-squared-error")
  );
  if (!isSquared) return [];
  const values = sample.flatMap(({ read }) => [...read.label.values]);
  const size = Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);
  if (!(size > LARGEST)) return [];
  const unit = 10 ** Math.round(Math.log10(size));
  return [{
    message: `the values of the label ${label.column} are about ${
      Number(size.toPrecision(2)).toLocaleString("en")
    }, and the loss mean-squared-error needs small values, at most about 10: the nets may diverge or learn slowly`,
    place: document.place(["data", "label"]),
    hint: hint(
      "warning/large-label",
      `divide the label by ${unit.toLocaleString("en")} in the data, or in the query of the ` +
        "source `sql`, and multiply predictions by the same number",
      { edit: "the data" },
    ),
  }];
}
