import { distance } from "fastest-levenshtein";
import { yamlName } from "./quoted.ts";

/**
 * Finds the name that a user most likely meant.
 *
 * @param word The name that was written.
 * @param names The valid names.
 * @returns The most similar name; undefined if none is similar enough for a typing error.
 *
 * @example
 * ```ts
 * import { nearest } from "@rocket-launching/rocket/plugin";
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

/** Spellings such as `weightDecay`, `weight_decay` and `weight-decay` count as the same name. */
const plain = (word: string) => word.toLowerCase().replaceAll(/[-_ ]/g, "");

/**
 * Makes the first sentence of a hint: a question that names the most similar valid name. It is
 * empty if no name is similar.
 *
 * @param word The name that was written.
 * @param names The valid names.
 * @returns `did you mean NAME? `, or an empty text.
 *
 * @example
 * ```ts
 * import { didYouMean } from "@rocket-launching/rocket/plugin";
 * import { assertEquals } from "@std/assert";
 *
 * const names = ["image", "label"];
 * const hint = `${didYouMean("imgae", names)}the features are ${names.join(", ")}`;
 * assertEquals(hint, "did you mean image? the features are image, label");
 * ```
 */
export function didYouMean(word: string, names: readonly string[]): string {
  const near = nearest(word, names);
  return near === undefined ? "" : `did you mean ${yamlName(near)}? `;
}
