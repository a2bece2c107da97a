/**
 * Matches a text with a pattern whose stars match any text. It takes time in proportion to the
 * length of the text, however many stars there are; a regular expression may take endless time.
 *
 * @example
 * ```ts
 * import { matchStars } from "./wildcard.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(matchStars(["layer", ".weight"], "layer3.weight"), ["3"]);
 * assertEquals(matchStars(["layer", ".weight"], "layer3.bias"), undefined);
 * ```
 *
 * @param parts The texts between the stars: `["layer", ".weight"]` for `layer*.weight`.
 * @param text The text.
 * @returns The texts that the stars match, each as short as possible from left to right, or
 *   `undefined` if the text does not match.
 */
export function matchStars(parts: readonly string[], text: string): string[] | undefined {
  const first = parts[0]!, last = parts.at(-1)!;
  if (parts.length === 1) return text === first ? [] : undefined;
  if (!text.startsWith(first)) return undefined;
  const end = text.length - last.length, found: string[] = [];
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const next = text.indexOf(part, at);
    if (next < 0) return undefined;
    found.push(text.slice(at, next));
    at = next + part.length;
  }
  if (at > end || !text.endsWith(last)) return undefined;
  return [...found, text.slice(at, end)];
}
