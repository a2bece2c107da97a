/** The maximum number of names in a list. */
const most = 12;

/**
 * Joins names with commas. Only the first 12 names of a long list appear in the text, because a data
 * file can have a million columns.
 *
 * @example
 * ```ts
 * import { listed } from "@rocket-launching/rocket/plugin";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(listed(["age", "country"]), "age, country");
 * ```
 *
 * @param names The names.
 */
export function listed(names: readonly string[]): string {
  return names.length <= most
    ? names.join(", ")
    : `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}
