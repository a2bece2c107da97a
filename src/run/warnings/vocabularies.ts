import type { Problem } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { yamlQuoted } from "../../base/quoted.ts";
import { featurePlace, featuresWithout } from "../../input/feature_entries.ts";
import { listed } from "../../base/listed.ts";
import type { Facts } from "./facts.ts";

/**
 * Warns about vocabularies in which more than half of the values occur only once in the training
 * rows.
 *
 * @param facts Facts about the run.
 */
export function rareValues({ ids: counts, features, plan }: Facts): Problem[] {
  return Object.entries(counts.train!).flatMap(([name, { once = 0 }]): Problem[] => {
    const { vocabulary = [] } = features[name]!;
    if (once * 2 <= vocabulary.length) return [];
    const isAll = occursOnce(plan, name, { once, vocabulary });
    const others = isAll ? featuresWithout(plan, name) : undefined;
    const size = bucketsFor(vocabulary.length);
    const ids = !isAll ? { train: true, minCount: 2 } : { hash: size };
    return [{
      message: `${once.toLocaleString("en")} of the ${
        vocabulary.length.toLocaleString("en")
      } values of the feature ${name} occur only once in the training rows: the nets cannot learn anything useful about them`,
      place: featurePlace(plan, name),
      hint: others
        ? hint(
          "warning/only-rare-values",
          `leave out the column: \`features: [${others.map(yamlQuoted).join(", ")}]\``,
          { set: { "/data/features": others } },
        )
        : hint("warning/rare-values", `write \`ids: ${inYaml(ids)}\``, { set: { ids } }),
    }];
  });
}

/**
 * Warns about features for which none of the values listed in the option `ids` occurs in the
 * training rows.
 *
 * @param facts Facts about the run.
 */
export function valuesThatDoNotOccur({ ids, plan }: Facts): Problem[] {
  return Object.entries(ids.train!).flatMap(([name, { values, unknown }]) => {
    const { ids: list } = plan.features[name]!;
    if (!Array.isArray(list) || values === 0 || unknown < values) return [];
    return [{
      message:
        `none of the ${list.length} values in \`ids\` of the feature ${name} occurs in the training rows`,
      place: featurePlace(plan, name, "ids"),
      hint: hint(
        "warning/no-value-occurs",
        "list values that occur in the column, or write `ids: train`",
        {
          set: { ".": "train" },
        },
      ),
    }];
  });
}

/**
 * Warns about splits in which most values of a feature are missing from its vocabulary.
 *
 * @param facts Facts about the run.
 */
export function mostlyUnknown({ ids, features, plan }: Facts): Problem[] {
  return Object.entries(ids).flatMap(([split, counts]) =>
    split === "train" ? [] : Object.entries(counts).flatMap(
      ([name, { values, unknown }]): Problem[] => {
        const train = ids.train![name];
        // If the training rows have unknown values as well, valuesThatDoNotOccur() warns about it.
        if (unknown * 2 <= values || train && train.unknown * 2 > train.values) return [];
        const buckets = bucketsFor(features[name]!.vocabulary?.length ?? 0);
        return [{
          message:
            `${unknown.toLocaleString("en")} of ${
              values.toLocaleString("en")
            } values of the feature ` +
            `${name} in the ${split} split do not occur in the training rows: they all share the id for unknown values`,
          place: featurePlace(plan, name),
          hint: hint(
            "warning/mostly-unknown",
            `take both splits from the same kind of rows, or write \`ids: { hash: ${buckets} }\``,
            { set: { ids: { hash: buckets } } },
          ),
        }];
      },
    )
  );
}

/**
 * Warns about vocabularies whose id for unknown values occurs in no training row. The embedding of
 * this id then keeps its random initial value.
 *
 * @param facts Facts about the run.
 */
export function untrainedUnknown(
  { untrained, ids: { train }, features, plan }: Facts,
): Problem[] {
  const named = untrained.filter(({ feature, splits }) => {
    const { ids } = plan.features[feature]!;
    // If all values occur once, rareValues() warns.
    const { once = 0 } = train![feature]!, { vocabulary = [] } = features[feature]!;
    if (occursOnce(plan, feature, { once, vocabulary })) return false;
    // An explicit list is meant to be complete, so warn only if other values do occur.
    return ids === "train" || Array.isArray(ids) && splits.some(({ unknown }) => unknown > 0);
  });
  if (named.length === 0) return [];
  const names = named.map(({ feature }) => feature);
  const places = names.map((name) => `/data/features/${name}/ids`);
  const found = named.flatMap(({ splits }) => splits.filter(({ unknown }) => unknown > 0));
  const where = [...new Set(found.map(({ split }) => split))];
  return [{
    message:
      `no training row has the id for unknown values of ${
        listed(names)
      }, so the embedding of this id is not trained` +
      (where.length > 0 ? `, but the ${where.join(" and ")} split has unknown values` : ""),
    place: featurePlace(plan, names[0]!, "ids"),
    hint: hint(
      "warning/untrained-unknown",
      "write `ids: { train: true, minCount: 2 }`: values that occur only once then get the id for unknown values, which trains its embedding",
      { set: Object.fromEntries(places.map((path) => [path, { train: true, minCount: 2 }])) },
    ),
  }];
}

/** Checks whether each value of a vocabulary occurs once, but for a value that fills nulls. */
function occursOnce(
  { features, nulls: ofAll }: Facts["plan"],
  feature: string,
  { once, vocabulary }: { readonly once: number; readonly vocabulary: readonly string[] },
): boolean {
  const { nulls = ofAll } = features[feature]!;
  return once > 0 && once >= vocabulary.length - Number(typeof nulls === "object");
}

const inYaml = (ids: Readonly<Record<string, unknown>>) =>
  `{ ${Object.entries(ids).map(([key, value]) => `${key}: ${value}`).join(", ")} }`;

/** Returns a number of hash buckets at which few values share a bucket. */
const bucketsFor = (values: number) => 2 ** Math.ceil(Math.log2(Math.max(values, 8) * 4));
