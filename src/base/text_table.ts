import { printable } from "./printable.ts";

/** The alignment of a column: usually left for text and right for numbers. */
export type Align = "left" | "right";

/**
 * Formats a table as plain text: columns are as wide as their widest cell, with two spaces between
 * them.
 *
 * @param head The columns' titles.
 * @param rows The cells, one list per row; line breaks and control characters in them are escaped.
 * @param align How each column is aligned; the first to the left and all others to the right by
 * default.
 * @returns The lines.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly Align[] = head.map((_, index) => index === 0 ? "left" : "right"),
): string[] {
  const shown = (row: readonly string[]) => row.map(printable);
  const titles = shown(head), safe = rows.map(shown);
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...safe.map((row) => row[column]!.length))
  );
  const line = (cells: readonly string[]) =>
    cells.map((cell, column) =>
      align[column] === "left" ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
    ).join("  ").trimEnd();
  return [line(titles), line(widths.map((width) => "─".repeat(width))), ...safe.map(line)];
}

/**
 * Cuts a text in the middle if it is longer than a width: `data.tr…n.path`. Line breaks and control
 * characters in it are escaped first.
 *
 * @param text The text.
 * @param width The maximum number of characters, at least 3.
 */
export function cutToWidth(text: string, width: number): string {
  const shown = Array.from(printable(text));
  if (shown.length <= width) return shown.join("");
  const start = Math.ceil((width - 1) / 2);
  return [...shown.slice(0, start), "…", ...shown.slice(shown.length - (width - 1 - start))].join(
    "",
  );
}

/**
 * Formats a count with thousands separators: `77,226`.
 *
 * @param count The count.
 */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/**
 * Formats a measured number with four decimals, or in scientific notation if four decimals would be
 * too coarse.
 *
 * @param value The number.
 */
export function formatNumber(value: number): string {
  if (value === 0) return "0";
  const magnitude = Math.abs(value);
  return magnitude >= 1e-3 && magnitude < 1e5 ? value.toFixed(4) : value.toExponential(2);
}
