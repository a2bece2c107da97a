import type { Problem } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { listed } from "../../input/listed.ts";
import type { Facts } from "./facts.ts";

/**
 * Warns of splits with rows of a single class.
 *
 * @param facts What is known of the run.
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
        `${all} of the ${split} split ${rows === "1" ? "is" : "are"} of the class ${
          classOf(facts, found[0]!)
        }` + (split === "train" ? "" : ", so that metrics there cannot tell nets apart"),
      place: document.place(["data", split]),
      hint: hint("warning/one-class", `write rows of all classes to the ${split} split`, {
        edit: "the data",
      }),
    }];
  });
}

/**
 * Warns of classes without training rows.
 *
 * @param facts What is known of the run.
 */
export function classesWithoutRows(facts: Facts): Problem[] {
  const { counts, plan: { document } } = facts;
  const classes = counts.train!.classes ?? [];
  const none = classes.flatMap((rows, id) => rows > 0 ? [] : [id]);
  // Of a single class oneClass() tells.
  if (none.length === 0 || none.length === classes.length - 1) return [];
  const names = listed(none.map((id) => classOf(facts, id)));
  return [{
    message: none.length === 1
      ? `the class ${names} has no training rows`
      : `${none.length} classes have no training rows: ${names}`,
    place: document.place(["data", "label"]),
    hint: hint("warning/class-without-rows", "leave them out of `classes`, or add rows of them", {
      edit: "the label's classes or the data",
    }),
  }];
}

const classOf = ({ label: { vocabulary } }: Facts, id: number) => vocabulary?.[id] ?? String(id);
