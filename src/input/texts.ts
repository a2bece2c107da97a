import { maxOddTexts, type TextFacts } from "../stages/source.ts";
import { wantedColumns } from "./decoder.ts";
import type { OpenedSource } from "./widen.ts";

/** What the sources of all splits know of a column of text. Plain data. */
export interface ColumnText extends Pick<TextFacts, "values" | "numbers" | "texts" | "codes"> {
  /** Where the first text is that is no number, in words. */
  readonly row?: string | undefined;
  /** What stands for nulls now, in the sources of {@linkcode ColumnText.splits}. */
  readonly nullValues: readonly string[];
  /** The splits whose sources have the options `nullValues` and `columns`. */
  readonly splits: readonly string[];
}

/**
 * Joins what the sources of splits know of their columns of text.
 *
 * @param sources The open sources by split.
 * @returns What is known, by column; nothing of columns that no source has looked at.
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
  // Texts that nobody has listed, as they are many, are no missing numbers in the other splits
  // either.
  const unlisted = facts.texts.length === 0 && facts.numbers < facts.values;
  return {
    values: (before?.values ?? 0) + (unlisted ? Infinity : facts.values),
    numbers: (before?.numbers ?? 0) + facts.numbers,
    texts: [...new Set([...before?.texts ?? [], ...facts.texts])].slice(0, maxOddTexts + 1),
    codes: (before?.codes ?? false) || facts.codes,
    row: before?.row ?? (file === undefined ? undefined : `row ${row} of ${file} (${split} split)`),
    nullValues: [...new Set([...before?.nullValues ?? [], ...facts.nullValues ?? []])],
    splits: [...before?.splits ?? [], ...facts.nullValues ? [split] : []],
  };
}

/** What a column of text is if nobody knows better than the texts that were read. */
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

/** Whether a text is a number, or stands for none as programs write it. */
export const looksLikeNumber = (text: string): boolean =>
  /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(text) ||
  /^[-+]?(nan|inf|infinity)$/i.test(text);
