import { escapeMarkup } from "../base/escape_markup.ts";

/** A part of a page. */
export class Markup {
  /** Its HTML. */
  readonly html: string;

  /**
   * Takes HTML as it is. Only for what Rocket itself made.
   *
   * @param html The HTML.
   */
  constructor(html: string) {
    this.html = html;
  }
}

/** What a part of a page can contain. */
export type Content = Markup | string | number | undefined | false | readonly Content[];

/**
 * Makes a part of a page. Everything that is not a part already is text, and escaped.
 *
 * @param texts The HTML around the values.
 * @param values The values.
 */
export function html(texts: TemplateStringsArray, ...values: Content[]): Markup {
  return new Markup(
    texts.map((text, index) => text + (index < values.length ? htmlOf(values[index]) : "")).join(
      "",
    ),
  );
}

function htmlOf(value: Content): string {
  if (value === undefined || value === false) return "";
  if (value instanceof Markup) return value.html;
  if (Array.isArray(value)) return value.map(htmlOf).join("");
  return escapeMarkup(String(value));
}
