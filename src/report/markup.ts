import { escapeMarkup } from "../base/escape_markup.ts";

/** A fragment of HTML that needs no more escaping. */
export class Markup {
  /** Its HTML. */
  readonly html: string;

  /**
   * Creates a fragment from HTML without escaping it. The HTML must come from Rocket itself.
   *
   * @param html The HTML.
   */
  constructor(html: string) {
    this.html = html;
  }
}

/** A value that can be inserted into HTML: text, a fragment, or a list of these. */
export type Content = Markup | string | number | undefined | false | readonly Content[];

/**
 * Creates a fragment of HTML from a template. Inserted values are escaped unless they are
 * fragments.
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
