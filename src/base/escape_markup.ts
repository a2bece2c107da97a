import { printable } from "./printable.ts";

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Escapes a line of text for an element or an attribute of HTML or XML. Line breaks and invisible
 * characters become escape sequences, and characters that XML does not allow become U+FFFD.
 *
 * @param text The text.
 */
export function escapeMarkup(text: string): string {
  return printable(text)
    .replaceAll(/[&<>"']/g, (sign) => entities[sign]!)
    .replaceAll(/[\ufffe\uffff]/g, "\ufffd");
}
