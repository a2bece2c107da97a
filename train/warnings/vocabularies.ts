import type { Problem } from "../../pipeline/errors.ts";
import { hint } from "../../pipeline/hints.ts";
import type { Facts } from "./facts.ts";

/**
 * Warns of vocabularies of which more than half of the values occur once in the training rows.
 *
 * @param facts What is known of the run.
 */
export function rareValues({ ids, features, plan: { document } }: Facts): Problem[] {
  return Object.entries(ids.train!).flatMap(([name, { once = 0 }]): Problem[] => {
    const { vocabulary = [] } = features[name]!;
    if (once * 2 <= vocabulary.length) return [];
    const buckets = bucketsFor(vocabulary.length);
    return [{
      message: `${once.toLocaleString("en")} of the ${
        vocabulary.length.toLocaleString("en")
      } values of ${name} occur once in the training rows: nothing can be learned of them`,
      place: document.place(["data", "features", name]),
      hint: hint("warning/rare-values", `write \`ids: { hash: ${buckets} }\`, or leave it out`, [
        { set: { ids: { hash: buckets } } },
        { remove: ["."] },
      ]),
    }];
  });
}

/**
 * Warns of lists of values of which none occurs in the training rows.
 *
 * @param facts What is known of the run.
 */
export function valuesThatDoNotOccur({ ids, plan: { features, document } }: Facts): Problem[] {
  return Object.entries(ids.train!).flatMap(([name, { values, unknown }]) => {
    const { ids: listed } = features[name]!;
    if (!Array.isArray(listed) || values === 0 || unknown < values) return [];
    return [{
      message:
        `none of the ${listed.length} values that \`ids\` of ${name} lists occurs in the training rows`,
      place: document.place(["data", "features", name, "ids"]),
      hint: hint("warning/no-value-occurs", "write values that the column has, or `ids: train`", {
        set: { ".": "train" },
      }),
    }];
  });
}

/**
 * Warns of splits in which most values of a feature are none of its vocabulary.
 *
 * @param facts What is known of the run.
 */
export function mostlyUnknown({ ids, features, plan: { document } }: Facts): Problem[] {
  return Object.entries(ids).flatMap(([split, counts]) =>
    split === "train" ? [] : Object.entries(counts).flatMap(
      ([name, { values, unknown }]): Problem[] => {
        const train = ids.train![name];
        // Where the training rows have none of the list either, that is told.
        if (unknown * 2 <= values || train && train.unknown * 2 > train.values) return [];
        const buckets = bucketsFor(features[name]!.vocabulary?.length ?? 0);
        return [{
          message:
            `${unknown.toLocaleString("en")} of ${values.toLocaleString("en")} values of ${name} ` +
            `in the ${split} split are none that the training rows have, and so are one and the same id`,
          place: document.place(["data", "features", name]),
          hint: hint(
            "warning/mostly-unknown",
            `take both splits of the same kind of rows, or write \`ids: { hash: ${buckets} }\``,
            { set: { ids: { hash: buckets } } },
          ),
        }];
      },
    )
  );
}

/** So many that few values have one together. */
const bucketsFor = (values: number) => 2 ** Math.ceil(Math.log2(Math.max(values, 8) * 4));
