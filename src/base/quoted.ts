import { UNPRINTABLE } from "./printable.ts";

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

/**
 * Quotes a text as YAML in double quotes. Control characters and invisible characters become escape
 * sequences, so that users can copy the text from a message into a pipeline file.
 *
 * @param text The text.
 */
export function yamlQuoted(text: string): string {
  return JSON.stringify(text).replace(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0)!;
    const hex = code.toString(16);
    return code > 0xffff ? `\\U${hex.padStart(8, "0")}` : `\\u${hex.padStart(4, "0")}`;
  });
}

/** Texts that YAML reads as text without quotes, in lists and maps as well. */
const PLAIN = /^(?![-?:,[\]{}#&*!|>'"%@`~\s])(?!.*(?::\s|\s#|:$|\s$|[,[\]{}]))/u;

/** Words that YAML reads as other values than text. */
const OTHER = /^(?:true|false|null|)$/i;

/**
 * Formats a name for a hint, as users can copy it into a pipeline file: unchanged, or in double
 * quotes if YAML would read it differently.
 *
 * The name `mean radius` stays as it is. A name with a tab becomes `"a\tb"`.
 *
 * @param name The name.
 */
export function yamlName(name: string): string {
  const isPlain = PLAIN.test(name) && !OTHER.test(name) && name.search(UNPRINTABLE) < 0;
  return isPlain ? name : yamlQuoted(name);
}
