import { printable } from "./printable.ts";

/** Text on the left, numbers on the right. */
export type Align = "left" | "right";

/**
 * Lays out a table in plain text: columns as wide as their widest cell, two spaces between them.
 *
 * @param head The columns' titles.
 * @param rows The cells, a list a row; line breaks and control characters in them are escaped.
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
 * A count with its thousands marked: `77,226`.
 *
 * @param count The count.
 */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/**
 * A measured number in four decimals, or in scientific notation where those would say nothing.
 *
 * @param value The number.
 */
export function formatNumber(value: number): string {
  if (value === 0) return "0";
  const magnitude = Math.abs(value);
  return magnitude >= 1e-3 && magnitude < 1e5 ? value.toFixed(4) : value.toExponential(2);
}
