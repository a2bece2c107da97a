import type { Problem } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { listed } from "../../base/listed.ts";
import type { Facts } from "./facts.ts";

/**
 * Warns about splits in which all rows have the same class.
 *
 * @param facts Facts about the run.
 */
export function oneClass(facts: Facts): Problem[] {
  const { counts, plan: { document } } = facts;
  return Object.entries(counts).flatMap(([split, { classes }]): Problem[] => {
    const found = classes?.flatMap((rows, id) => rows > 0 ? [id] : []) ?? [];
    if (found.length !== 1) return [];
    const rows = classes![found[0]!]!.toLocaleString("en");
    const all = rows === "1" ? "the only row" : `all ${rows} rows`;
    return [{
      message:
        `${all} of the ${split} split ${rows === "1" ? "has" : "have"} the class ${
          classOf(facts, found[0]!)
        }` + (split === "train" ? "" : ", so metrics on this split cannot compare nets"),
      place: document.place(["data", split]),
      hint: hint("warning/one-class", `add rows of the other classes to the ${split} split`, {
        edit: "the data",
      }),
    }];
  });
}

/**
 * Warns about classes that have no training rows.
 *
 * @param facts Facts about the run.
 */
export function classesWithoutRows(facts: Facts): Problem[] {
  const { counts, plan: { document } } = facts;
  const classes = counts.train!.classes ?? [];
  const none = classes.flatMap((rows, id) => rows > 0 ? [] : [id]);
  // oneClass() warns if only one class has rows.
  if (none.length === 0 || none.length === classes.length - 1) return [];
  const names = listed(none.map((id) => classOf(facts, id)));
  return [{
    message: none.length === 1
      ? `the class ${names} has no training rows`
      : `${none.length} classes have no training rows: ${names}`,
    place: document.place(["data", "label"]),
    hint: hint(
      "warning/class-without-rows",
      "remove these classes from `classes`, or add training rows for them",
      {
        edit: "the label's classes or the data",
      },
    ),
  }];
}

const classOf = ({ label: { vocabulary } }: Facts, id: number) => vocabulary?.[id] ?? String(id);
