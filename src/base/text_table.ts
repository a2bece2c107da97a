import { appendTo, largest } from "./long_lists.ts";
import { printable } from "./printable.ts";
import { endOf, padToWidth, startOf, WIDTH, widthOf, wrap } from "./text_width.ts";

/** The alignment of a column: usually left for text and right for numbers. */
export type Align = "left" | "right";

/** How a table is divided if it is wider than the terminal. */
export interface TableOptions {
  /** The width that the table fits, in columns of the terminal; 80 by default. */
  readonly width?: number;
  /**
   * The numbers of columns after the first that belong together, such as `[2, 2, 1]`. By default,
   * each column stands alone.
   */
  readonly groups?: readonly number[];
}

/** A column: its title and cells, each with the lines that it takes. */
interface Column {
  readonly cells: readonly (readonly string[])[];
  readonly align: Align;
  readonly width: number;
}

/** The number of spaces between columns. */
const GAP = 2;

/** The smallest width of a column whose cells are wrapped. */
const MIN_WRAPPED = 20;

/** The largest width of the first column of a table that is divided into blocks. */
const FIRST_OF_BLOCKS = 28;

/**
 * Formats a table as plain text: columns are as wide as their widest cell, with two spaces between
 * them.
 *
 * A table that is wider than the terminal wraps the cells of its columns of text. If that is not
 * enough, the table is divided into blocks that each repeat the first column.
 *
 * @param head The columns' titles.
 * @param rows The cells, one list per row; line breaks and control characters in them are escaped.
 * @param align How each column is aligned; the first to the left and all others to the right by
 * default.
 * @param options The width, and the columns that belong together.
 * @returns The lines.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly Align[] = head.map((_, index) => index === 0 ? "left" : "right"),
  { width = WIDTH, groups = head.slice(1).map(() => 1) }: TableOptions = {},
): string[] {
  const columns = head.map((title, at) =>
    columnOf([title, ...rows.map((row) => row[at]!)].map((cell) => [printable(cell)]), align[at]!)
  );
  const narrow = narrowed(columns, width);
  if (narrow) return drawn(narrow);
  const [first, ...others] = columns as [Column, ...Column[]];
  return blocks(first, others, groups, width);
}

/**
 * Makes the widest columns of text narrower until all columns fit the width.
 *
 * @returns The columns; undefined if they do not fit.
 */
function narrowed(columns: readonly Column[], width: number): Column[] | undefined {
  const widths = columns.map((column) => column.width);
  for (let excess = widthOfAll(columns) - width; excess > 0; excess--) {
    const texts = widths.map((own, at) => columns[at]!.align === "left" ? own : 0);
    const widest = largest(texts);
    if (widest <= MIN_WRAPPED) return undefined;
    widths[texts.indexOf(widest)] = widest - 1;
  }
  return columns.map((column, at) =>
    widths[at] === column.width ? column : wrapped(column, widths[at]!, at === 0 ? "  " : "")
  );
}

/** Divides a table into blocks of columns that fit the width. */
function blocks(
  first: Column,
  others: readonly Column[],
  groups: readonly number[],
  width: number,
): string[] {
  const narrow = wrapped(first, Math.min(first.width, FIRST_OF_BLOCKS), "  ");
  const room = width - narrow.width - GAP;
  let next = 0;
  const together = groups.map((count) => others.slice(next, next += count)).flatMap((group) =>
    widthOfAll(group) <= room ? [group] : group.map((column) => [wrapped(column, room)])
  );
  const parts: Column[][] = [];
  for (const group of together) {
    const part = parts.at(-1);
    if (part && widthOfAll([...part, ...group]) <= room) appendTo(part, group);
    else parts.push([...group]);
  }
  return parts.flatMap((part, at) => [...(at > 0 ? [""] : []), ...drawn([narrow, ...part])]);
}

function columnOf(cells: readonly (readonly string[])[], align: Align): Column {
  return { cells, align, width: largest(cells.flat().map(widthOf)) };
}

/** Wraps the cells of a column. Names without spaces are cut, so `next` marks where they go on. */
function wrapped({ cells, align }: Column, width: number, next = ""): Column {
  return columnOf(
    cells.map((lines) => lines.flatMap((line) => wrap(line, width, { next }))),
    align,
  );
}

const widthOfAll = (columns: readonly Column[]) =>
  columns.reduce((sum, { width }) => sum + width, GAP * (columns.length - 1));

function drawn(columns: readonly Column[]): string[] {
  const line = (texts: readonly string[]) =>
    texts.map((text, at) => padToWidth(text, columns[at]!.width, columns[at]!.align))
      .join(" ".repeat(GAP)).trimEnd();
  const [head, ...body] = columns[0]!.cells.map((_, row) => {
    const cells = columns.map((column) => column.cells[row]!);
    const height = largest(cells.map(({ length }) => length));
    return Array.from({ length: height }, (_, at) => line(cells.map((lines) => lines[at] ?? "")));
  });
  return [...head!, line(columns.map(({ width }) => "─".repeat(width))), ...body.flat()];
}

/**
 * Cuts a text in the middle if it is longer than a width: `data.tr…n.path`. Line breaks and control
 * characters in it are escaped first.
 *
 * @example
 * ```ts
 * import { cutToWidth } from "@rocket-launching/rocket/plugin";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(cutToWidth("data.train.path", 9), "data…path");
 * ```
 *
 * @param text The text.
 * @param width The maximum width in columns of the terminal, at least 3.
 */
export function cutToWidth(text: string, width: number): string {
  const shown = printable(text);
  if (widthOf(shown) <= width) return shown;
  const start = Math.ceil((width - 1) / 2);
  return `${startOf(shown, start)}…${endOf(shown, width - 1 - start)}`;
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
 * Formats a count with its noun: `1 row`, `77,226 rows`.
 *
 * @param count The count.
 * @param noun The noun in the singular. Its plural must end in `s`.
 */
export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
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
