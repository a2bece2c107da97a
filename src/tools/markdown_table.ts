import { largest } from "../base/long_lists.ts";

/**
 * Formats a table in Markdown as `deno fmt` formats it: all cells of a column have the same width.
 *
 * @param head The columns' titles.
 * @param rows The cells, one list per row; a `|` in them is escaped.
 * @returns The lines, without a line break at the end.
 */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const all = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = head.map((_, column) => largest(all.map((row) => row[column]!.length)));
  const line = (cells: readonly string[], fill = " ") =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!, fill)).join(" | ")} |`;
  const [titles, ...body] = all.map((row) => line(row));
  return [titles, line(head.map(() => ""), "-"), ...body].join("\n");
}
