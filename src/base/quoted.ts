/**
 * Quotes a text so that a shell reads it as one word. Commands in messages contain names that may
 * come from someone else, and users copy the commands.
 *
 * @param word The text.
 */
export function quoted(word: string): string {
  return /^[\w./:@%+,^-][\w./:@%+,=^-]*$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
