import { escapeMarkup } from "../base/escape_markup.ts";

/**
 * A text as the content of an element of XML, or as an attribute's value: it shows what it is and
 * is no markup. Characters that XML has no word for are replaced.
 *
 * @param text The text.
 */
export function escapeXml(text: string): string {
  return escapeMarkup(text).replace(/[\ufffe\uffff]/g, "\ufffd");
}
