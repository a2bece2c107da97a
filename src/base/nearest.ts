import { distance } from "fastest-levenshtein";

/**
 * The name that a person most likely meant.
 *
 * @param word What was written.
 * @param names What could have been meant.
 * @returns The nearest name; undefined if none is near enough to be a slip of the keys.
 *
 * @example
 * ```ts
 * import { nearest } from "@rocket-launching/rocket";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nearest("imgae", ["image", "label"]), "image");
 * assertEquals(nearest("sound", ["image", "label"]), undefined);
 * ```
 */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const written = plain(word);
  const [best] = names
    .map((name) => ({ name, like: plain(name) }))
    .map(({ name, like }) => ({ name, like, apart: distance(written, like) }))
    .filter(({ like, apart }) => apart <= Math.ceil(Math.min(written.length, like.length) / 3))
    .sort((a, b) => a.apart - b.apart);
  return best?.name;
}

/** `weightDecay`, `weight_decay` and `weight-decay` are one word to most people. */
const plain = (word: string) => word.toLowerCase().replaceAll(/[-_ ]/g, "");

/**
 * The start of a hint: a question with the name that was most likely meant, if there is one.
 *
 * @param word What was written.
 * @param names What could have been meant.
 * @returns `did you mean NAME? ` or nothing.
 *
 * @example
 * ```ts
 * import { didYouMean } from "@rocket-launching/rocket";
 * import { assertEquals } from "@std/assert";
 *
 * const names = ["image", "label"];
 * const hint = `${didYouMean("imgae", names)}the features are ${names.join(", ")}`;
 * assertEquals(hint, "did you mean image? the features are image, label");
 * ```
 */
export function didYouMean(word: string, names: readonly string[]): string {
  const near = nearest(word, names);
  return near === undefined ? "" : `did you mean ${near}? `;
}
