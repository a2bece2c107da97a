/**
 * Text that is one line, and does nothing else to a terminal or a reader.
 *
 * @module
 */

/**
 * What does something to a terminal, ends a line, turns the direction of writing, or shows nothing: a name that has
 * such characters could pass for another name, or for a line that Rocket prints.
 */
export const UNPRINTABLE: RegExp =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/**
 * A text of several lines in one: for messages of code that is not Rocket's, which may have them on purpose.
 *
 * @param text The text.
 */
export function inOneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, " ");
}

/**
 * A text as it is shown within a line: its line breaks, tabs, control characters and characters that show nothing are
 * escaped, as `\u{a}`.
 *
 * @param text The text, in which there may be names of files, columns and classes.
 */
export function printable(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

/**
 * What was thrown, or an error in its place where nothing can be said of it: code that is not Rocket's may throw anything,
 * also an object that no text can be made of, or one that throws when it is looked at.
 *
 * @param error What was thrown.
 */
export function thrown(error: unknown): unknown {
  try {
    const { name, message } = error instanceof Error ? error : { name: "", message: error };
    String(name);
    String(message);
    return error;
  } catch {
    return new Error("something was thrown that has no text");
  }
}
