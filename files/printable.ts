/**
 * Text that does nothing to a terminal.
 *
 * @module
 */

/** Characters that do something to a terminal, but line breaks and tabs. */
export const CONTROL: RegExp =
  // deno-lint-ignore no-control-regex
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

/**
 * A text with its control characters escaped, but line breaks and tabs, and with those that turn the
 * direction of writing. Printed, it cannot move the cursor, colour, or hide what is around it.
 *
 * @param text The text.
 */
export function printable(text: string): string {
  return text.replace(
    CONTROL,
    (character) => `\\u{${character.charCodeAt(0).toString(16)}}`,
  );
}

/**
 * A text with all that could pass for more than a name escaped: what {@linkcode printable} escapes, line breaks, tabs,
 * and characters that show nothing.
 *
 * @param text The text, of a file or of a column, say.
 */
export function printableName(text: string): string {
  return printable(text).replace(
    /[\t\n\u2028\u2029\u061c\u200b-\u200f\ufeff]/g,
    (character) => `\\u{${character.charCodeAt(0).toString(16)}}`,
  );
}
