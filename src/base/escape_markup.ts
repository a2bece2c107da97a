import { printable } from "./printable.ts";

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * A line of text as the content of an element of HTML or XML, or as an attribute's value: it shows what it is and is
 * no markup. Line breaks, and characters that show nothing or turn the direction of writing, are escaped.
 *
 * @param text The text.
 */
export function escapeMarkup(text: string): string {
  return printable(text).replaceAll(/[&<>"']/g, (sign) => entities[sign]!);
}
