import type { Problem } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import type { Match, Source } from "../initial_match.ts";

/**
 * Warns about vocabularies that share no value with the run or file that the initial weights come
 * from. No row of their embedding tables can be reused, so the whole table starts from random
 * values.
 *
 * @param matches The variables, with the counts of values that were matched.
 * @param source The file that the weights come from.
 */
export function nothingKept(matches: readonly Match[], { path, place }: Source): Problem[] {
  const lost = matches.flatMap(({ counts }) =>
    counts.filter(({ what, kept, added, gone }) =>
      what.startsWith("values of ") && kept === 0 && added > 0 && gone > 0
    ).map(({ what }) => what)
  );
  return [...new Set(lost)].map((what): Problem => ({
    message:
      `none of the ${what} occurs in the vocabulary of ${path}: their weights start from random values`,
    place,
    hint: hint(
      "warning/nothing-kept",
      "check that the column's values are spelled as in the earlier run; if it is a different column, remove `initial`",
      { remove: ["/network/initial"] },
    ),
  }));
}
