/**
 * Makes text safe to print within one line of a terminal.
 *
 * @module
 */

/**
 * Characters that control a terminal, end a line, change the writing direction, or are invisible. A
 * name with such characters could imitate another name or a line that Rocket prints.
 */
export const UNPRINTABLE: RegExp =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/**
 * Returns the lines of a text that are not blank, without the white space around them.
 *
 * @param text The text.
 */
export function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

/**
 * Joins the lines of a text into one line. Error messages of other code can have several lines.
 *
 * @param text The text.
 */
export function inOneLine(text: string): string {
  return linesOf(text).join(" ");
}

/**
 * Escapes line breaks, tabs, control characters, and invisible characters in a text. For example, a
 * line break becomes `\u{a}`.
 *
 * @param text The text, which may contain names of files, columns and classes.
 */
export function printable(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

/**
 * Makes a caught value safe to print: returns the value itself, or an Error if it cannot be
 * converted to text. Other code may throw anything, such as an object that throws when its
 * properties are read.
 *
 * @param error The thrown value.
 */
export function thrown(error: unknown): unknown {
  try {
    const { name, message } = error instanceof Error ? error : { name: "", message: error };
    String(name);
    String(message);
    return error;
  } catch {
    return new Error("the thrown value cannot be converted to text");
  }
}

/**
 * Returns the message of a caught value, as text that is safe to use.
 *
 * @param error The thrown value.
 */
export function thrownMessage(error: unknown): string {
  const what = thrown(error);
  return what instanceof Error ? what.message : String(what);
}
