import type { Problem } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { listed } from "../../input/listed.ts";
import type { Facts } from "./facts.ts";

/**
 * Warns of vocabularies of which more than half of the values occur once in the training rows.
 *
 * @param facts What is known of the run.
 */
export function rareValues({ ids: counts, features, plan: { document } }: Facts): Problem[] {
  return Object.entries(counts.train!).flatMap(([name, { once = 0 }]): Problem[] => {
    const { vocabulary = [] } = features[name]!;
    if (once * 2 <= vocabulary.length) return [];
    const size = bucketsFor(vocabulary.length);
    const ids = once < vocabulary.length ? { train: true, minCount: 2 } : { hash: size };
    return [{
      message: `${once.toLocaleString("en")} of the ${
        vocabulary.length.toLocaleString("en")
      } values of ${name} occur once in the training rows: nothing can be learned of them`,
      place: document.place(["data", "features", name]),
      hint: hint("warning/rare-values", `write \`ids: ${inYaml(ids)}\``, { set: { ids } }),
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
    const { ids: list } = features[name]!;
    if (!Array.isArray(list) || values === 0 || unknown < values) return [];
    return [{
      message:
        `none of the ${list.length} values that \`ids\` of ${name} lists occurs in the training rows`,
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

/**
 * Warns of vocabularies whose unknown id no training row has, so that its embedding stays as it was
 * drawn.
 *
 * @param facts What is known of the run.
 */
export function untrainedUnknown({ untrained, plan: { features, document } }: Facts): Problem[] {
  const named = untrained.filter(({ feature, splits }) => {
    const { ids } = features[feature]!;
    // Who lists values means to have no others, as long as there are none.
    return ids === "train" || Array.isArray(ids) && splits.some(({ unknown }) => unknown > 0);
  });
  if (named.length === 0) return [];
  const names = named.map(({ feature }) => feature);
  const places = names.map((name) => `/data/features/${name}/ids`);
  const found = named.flatMap(({ splits }) => splits.filter(({ unknown }) => unknown > 0));
  const where = [...new Set(found.map(({ split }) => split))];
  return [{
    message:
      `no training row has the unknown id of ${listed(names)}: its embedding is not trained` +
      (where.length > 0 ? `, and the ${where.join(" and ")} split has values with it` : ""),
    place: document.place(["data", "features", names[0]!, "ids"]),
    hint: hint(
      "warning/untrained-unknown",
      "write `ids: { train: true, minCount: 2 }`, so that values that occur once train it",
      { set: Object.fromEntries(places.map((path) => [path, { train: true, minCount: 2 }])) },
    ),
  }];
}

const inYaml = (ids: Readonly<Record<string, unknown>>) =>
  `{ ${Object.entries(ids).map(([key, value]) => `${key}: ${value}`).join(", ")} }`;

/** So many that few values have one together. */
const bucketsFor = (values: number) => 2 ** Math.ceil(Math.log2(Math.max(values, 8) * 4));
