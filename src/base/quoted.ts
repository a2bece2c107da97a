import type { OperatingSystem } from "./machine/end_signals.ts";

/**
 * Quotes a text so that a shell reads it as one word. Commands in messages contain names that may
 * come from someone else, and users copy the commands.
 *
 * @param word The text.
 */
export function quoted(word: string): string {
  return quotedOn(Deno.build.os, word);
}

/**
 * Quotes a text for the shells of an operating system. For Windows, these are PowerShell and, if the
 * text has no `$` and no backtick, also cmd.
 *
 * @param os The operating system.
 * @param word The text.
 */
export function quotedOn(os: OperatingSystem, word: string): string {
  if (os === "windows") {
    if (/^[\w.\\:/+^-][\w.\\:/+^=-]*$/.test(word)) return word;
    return `"${word.replaceAll(/[`$]/g, "`$&").replaceAll('"', '""')}"`;
  }
  return /^[\w./:@%+,^-][\w./:@%+,=^-]*$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
