import type { Problem } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import type { Facts } from "./facts.ts";

/**
 * Warns about splits in which all rows have the weight 0.
 *
 * @param facts Facts about the run.
 */
export function noWeight({ counts, rows, plan: { document, weight } }: Facts): Problem[] {
  return Object.entries(counts).flatMap(([split, { weighted }]): Problem[] =>
    weighted !== false ? [] : [{
      message:
        `all ${rows[split]!.toLocaleString("en")} rows of the ${split} split have the weight 0 ` +
        `in the column ${weight}: ${
          split === "train" ? "the nets learn nothing" : "metrics have no value"
        }`,
      place: document.place(["data", "weight"]),
      hint: hint("warning/no-weight", "name another column, or remove `weight`", {
        remove: ["."],
      }),
    }]
  );
}
