/**
 * What a feature's values represent: numbers, whose sums and differences are meaningful, or ids,
 * which only distinguish values.
 *
 * @module
 */

import { hint } from "../base/hints.ts";
import type { ColumnSpec } from "./batch.ts";

/** The reason why the values of a feature are not meaningful as numbers. */
export interface NotNumbers {
  /** A description of the feature's values, worded to follow its name: `holds ids`. */
  readonly holds: string;
  /** What to change in the pipeline so that the feature holds numbers. */
  readonly hint: string;
}

/**
 * Explains why a feature cannot be read as numbers.
 *
 * @param name The feature's name.
 * @param spec The feature's column.
 * @returns The reason; undefined for a feature of numbers.
 *
 * @example
 * ```ts
 * import { notNumbers } from "@rocket-launching/rocket/plugin";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(notNumbers("age", { shape: [], dtype: "float32" }), undefined);
 * assertEquals(notNumbers("city", { shape: [], dtype: "int32" })?.holds, "holds ids (int32)");
 * ```
 */
export function notNumbers(
  name: string,
  { dtype, text, ids, vocabulary, unit }: ColumnSpec,
): NotNumbers | undefined {
  const adds = (transform: Readonly<Record<string, unknown>>) => ({
    set: { "/data/transforms/-": transform },
  });
  if (unit) {
    return {
      holds: `holds times in ${unit}, which float32 rounds to minutes`,
      hint: hint(
        "meaning/times",
        `bring them into range: add \`- { use: normalize, feature: ${name} }\` to data.transforms`,
        adds({ use: "normalize", feature: name }),
      ),
    };
  }
  if (dtype === "float32") return undefined;
  const oneHot = `add \`- { use: one-hot, feature: ${name} }\` to data.transforms`;
  const added = adds({ use: "one-hot", feature: name });
  if (text) {
    const categories = hint("meaning/text", `for categories ${oneHot}`, added);
    return {
      holds: `holds text (${text.row}, column ${text.column}: ${JSON.stringify(text.value)})`,
      hint: [...text.hint ? [text.hint] : [], categories].join("; "),
    };
  }
  if (ids || vocabulary) return { holds: "holds ids", hint: hint("meaning/ids", oneHot, added) };
  return {
    holds: "holds ids (int32)",
    hint: hint(
      "meaning/int32",
      `if they are numbers, leave out \`dtype: int32\` at data.features.${name}; if they are ids, the transform one-hot turns them into numbers`,
      { remove: [`/data/features/${name}/dtype`] },
    ),
  };
}
