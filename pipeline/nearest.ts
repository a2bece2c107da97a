import { distance } from "fastest-levenshtein";

/**
 * The name that a person most likely meant.
 *
 * @param word What was written.
 * @param names What could have been meant.
 * @returns The nearest name; undefined if none is near enough to be a slip of the keys.
 */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const written = plain(word);
  const [best] = names
    .map((name) => ({ name, apart: distance(written, plain(name)) }))
    .filter(({ name, apart }) => apart <= Math.ceil(Math.min(written.length, name.length) / 3))
    .sort((a, b) => a.apart - b.apart);
  return best?.name;
}

/** `weightDecay`, `weight_decay` and `weight-decay` are one word to most people. */
const plain = (word: string) => word.toLowerCase().replaceAll(/[-_ ]/g, "");
