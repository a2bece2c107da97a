/**
 * What the values of a feature mean: numbers, whose sums and differences say something, or ids, which only
 * tell values apart.
 *
 * @module
 */

import { hint } from "../base/hints.ts";
import type { ColumnSpec } from "./batch.ts";

/** Why the values of a feature cannot be read as numbers. */
export interface NotNumbers {
  /** What it holds, after its name: `holds ids`. */
  readonly holds: string;
  /** What to write so that it holds numbers. */
  readonly hint: string;
}

/**
 * Says why a feature cannot be read as numbers.
 *
 * @param name The feature.
 * @param spec What it is.
 * @returns The reason, or undefined for a feature of numbers.
 *
 * @example
 * ```ts
 * import { notNumbers } from "@rocket-launching/rocket";
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
      `if they are numbers, leave out \`dtype: int32\` at data.features.${name}; ids become numbers by the transform one-hot`,
      { remove: [`/data/features/${name}/dtype`] },
    ),
  };
}
