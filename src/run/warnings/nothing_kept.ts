import type { Problem } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import type { Match, Source } from "../initial_match.ts";

/**
 * Warns of a vocabulary of which an earlier run had no value: its weights are lost, and all rows of
 * the table are new.
 *
 * @param matches The variables and what was matched by value.
 * @param source Where the weights come from.
 */
export function nothingKept(matches: readonly Match[], { path, place }: Source): Problem[] {
  const lost = matches.flatMap(({ counts }) =>
    counts.filter(({ what, kept, added, gone }) =>
      what.startsWith("values of ") && kept === 0 && added > 0 && gone > 0
    ).map(({ what }) => what)
  );
  return [...new Set(lost)].map((what): Problem => ({
    message: `none of the ${what} is among those that ${path} was trained with: they begin anew`,
    place,
    hint: hint(
      "warning/nothing-kept",
      "check that the column is written as it was then; where it is another one, leave out `initial`",
      { remove: ["/network/initial"] },
    ),
  }));
}
