import type { Problem } from "../../pipeline/errors.ts";
import { hint } from "../../pipeline/hints.ts";
import type { Facts } from "./facts.ts";

/**
 * Warns of vocabularies of which more than half of the values occur once in the training rows.
 *
 * @param facts What is known of the run.
 */
export function rareValues({ counts, features, plan: { document, ...plan } }: Facts): Problem[] {
  return Object.entries(counts.train!.vocabularies).flatMap(([name, { once }]): Problem[] => {
    const { vocabulary = [], ids } = features[name]!;
    const { ids: options } = plan.features[name]!;
    // What the pipeline lists is its own choice, and what another feature has is told of that.
    if (once * 2 <= vocabulary.length || Array.isArray(options) || ids && ids.name !== name) {
      return [];
    }
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
export function valuesThatDoNotOccur({ counts, plan: { features, document } }: Facts): Problem[] {
  return Object.entries(counts.train!.vocabularies).flatMap(([name, { values, unknown }]) => {
    const { ids } = features[name]!;
    if (!Array.isArray(ids) || values === 0 || unknown < values) return [];
    return [{
      message:
        `none of the ${ids.length} values that \`ids\` of ${name} lists occurs in the training rows`,
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
export function mostlyUnknown({ counts, features, plan: { document } }: Facts): Problem[] {
  return Object.entries(counts).flatMap(([split, { vocabularies }]) =>
    split === "train" ? [] : Object.entries(vocabularies).flatMap(
      ([name, { values, unknown }]): Problem[] => {
        const train = counts.train!.vocabularies[name];
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
