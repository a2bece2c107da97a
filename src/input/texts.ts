import { maxOddTexts, type TextFacts } from "../stages/source.ts";
import { wantedColumns } from "./decoder.ts";
import type { OpenedSource } from "./widen.ts";

/**
 * Facts about a column of text: how many of its values are numbers, and which of its values are
 * not. The facts cover the sources of all splits. The object contains plain data only.
 */
export interface ColumnText extends Pick<TextFacts, "values" | "numbers" | "texts" | "codes"> {
  /** The position of the first text that is not a number, for messages. */
  readonly row?: string | undefined;
  /** The texts that are nulls now, in the sources of {@linkcode ColumnText.splits}. */
  readonly nullValues: readonly string[];
  /** The splits whose sources have the options `nullValues` and `columns`. */
  readonly splits: readonly string[];
}

/**
 * Combines the facts about each column of text that the sources of the splits have found.
 *
 * @param sources The opened data sources by split, or one of all rows.
 * @returns The facts by column. Columns that no source has examined are missing.
 */
export function columnTexts(
  sources: Iterable<readonly [split: string, source: OpenedSource]>,
): Record<string, ColumnText> {
  const columns = new Map<string, ColumnText>();
  for (const [split, { dataset, request }] of sources) {
    for (const name of wantedColumns(request)) {
      const facts = dataset.textFacts?.get(name);
      if (!facts) continue;
      const before = columns.get(name);
      columns.set(name, joined(before, split, facts));
    }
  }
  return Object.fromEntries(columns);
}

function joined(before: ColumnText | undefined, split: string, facts: TextFacts): ColumnText {
  const { file, row } = facts.first ?? {};
  // A source with too many different texts does not list them. These texts do not stand for missing
  // numbers in any split.
  const unlisted = facts.texts.length === 0 && facts.numbers < facts.values;
  return {
    values: (before?.values ?? 0) + (unlisted ? Infinity : facts.values),
    numbers: (before?.numbers ?? 0) + facts.numbers,
    texts: [...new Set([...before?.texts ?? [], ...facts.texts])].slice(0, maxOddTexts + 1),
    codes: (before?.codes ?? false) || facts.codes,
    row: before?.row ??
      (file === undefined
        ? undefined
        : `row ${row} of ${file}${split === "all" ? "" : ` (${split} split)`}`),
    nullValues: [...new Set([...before?.nullValues ?? [], ...facts.nullValues ?? []])],
    splits: [...before?.splits ?? [], ...facts.nullValues ? [split] : []],
  };
}

/** Counts the numbers among the values of a column of text, and lists the other values. */
export function textOf(texts: readonly string[]): ColumnText {
  const odd = texts.filter((text) => !looksLikeNumber(text));
  return {
    values: texts.length,
    numbers: texts.length - odd.length,
    texts: odd.slice(0, maxOddTexts + 1),
    codes: false,
    nullValues: [],
    splits: [],
  };
}

/** Checks whether a text is a number, or NaN or infinity as programs write them. */
export const looksLikeNumber = (text: string): boolean =>
  /^\s*[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?\s*$/i.test(text) ||
  /^[-+]?(nan|inf|infinity)$/i.test(text);
