import stringWidth from "string-width";

/** The width, in columns of a terminal, to which the output of all commands is limited. */
export const WIDTH = 80;

/**
 * Returns the number of columns that a text takes in a terminal. Most characters take one column;
 * Chinese, Japanese and Korean characters and emoji take two, and combining characters none.
 *
 * @example
 * ```ts
 * import { widthOf } from "@rocket-launching/rocket/plugin";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(widthOf("数据"), 4);
 * ```
 *
 * @param text The text, without line breaks and control characters.
 */
export function widthOf(text: string): number {
  return /^[\x20-\x7e]*$/.test(text) ? text.length : stringWidth(text);
}

/**
 * Pads a text with spaces up to a width in terminal columns.
 *
 * @param text The text.
 * @param width The width in columns.
 * @param align The side at which the text stands.
 */
export function padToWidth(text: string, width: number, align: "left" | "right" = "left"): string {
  const spaces = " ".repeat(Math.max(0, width - widthOf(text)));
  return align === "left" ? text + spaces : spaces + text;
}

const graphemes = new Intl.Segmenter();

/**
 * Returns the longest beginning of a text that fits into a number of terminal columns.
 *
 * @param text The text.
 * @param width The width in columns.
 */
export function startOf(text: string, width: number): string {
  let start = "", used = 0;
  for (const { segment } of graphemes.segment(text)) {
    used += widthOf(segment);
    if (used > width) break;
    start += segment;
  }
  return start;
}

/**
 * Returns the longest end of a text that fits into a number of terminal columns.
 *
 * @param text The text.
 * @param width The width in columns.
 */
export function endOf(text: string, width: number): string {
  let end = "", used = 0;
  for (const { segment } of [...graphemes.segment(text)].reverse()) {
    used += widthOf(segment);
    if (used > width) break;
    end = segment + end;
  }
  return end;
}

/** How {@linkcode wrap} indents lines. */
export interface Indents {
  /** The indentation of the first line; none by default. */
  readonly first?: string;
  /** The indentation of the other lines; that of the first line by default. */
  readonly next?: string;
}

/**
 * Divides a text into lines that fit a width. Lines end at spaces; words that are longer than a line
 * are cut.
 *
 * @param text The text, without line breaks.
 * @param width The width in columns, including the indentation.
 * @param indents The indentation.
 * @returns The lines, at least one.
 */
export function wrap(
  text: string,
  width: number = WIDTH,
  { first = "", next = first }: Indents = {},
): string[] {
  const lines: string[] = [];
  let line = first, isEmpty = true;
  const end = () => {
    lines.push(line);
    line = next;
    isEmpty = true;
  };
  for (const word of text.split(" ").filter((word, at) => word !== "" || at === 0)) {
    let rest = word;
    if (!isEmpty && widthOf(line) + 1 + widthOf(rest) > width) end();
    while (widthOf(line) + (isEmpty ? 0 : 1) + widthOf(rest) > width) {
      // A character that is wider than the line stands in it anyway.
      const part = startOf(rest, width - widthOf(line)) || Array.from(rest)[0]!;
      line += part;
      rest = rest.slice(part.length);
      end();
      if (rest === "") break;
    }
    if (rest === "" && word !== "") continue;
    line += isEmpty ? rest : ` ${rest}`;
    isEmpty = false;
  }
  if (!isEmpty || lines.length === 0) lines.push(line);
  return lines.map((text) => text.trimEnd());
}
