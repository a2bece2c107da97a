import { DataType, type Field, type RecordBatch, type Schema } from "apache-arrow";
import { resolve } from "node:path";
import { cellReader } from "../base/arrow_cells.ts";
import { UserError } from "../base/errors.ts";
import { type Family, layoutOf } from "../input/layout.ts";
import { withUniqueNames } from "../input/open_data.ts";
import { sourceOf } from "../model/input_rows.ts";
import { type Dataset, mayBeNumbers } from "../stages/source.ts";
import { guessFormat, type TextFormat } from "./text_format.ts";

/** The rows that are looked at to make a pipeline. */
const MAX_ROWS = 50_000;

/** The number of distinct values of a column that are counted. */
const MAX_DISTINCT = 5_000;

/** What was found out about the columns of a data file, for a new pipeline that reads it. */
export interface FileTable {
  /** The source that reads the file. */
  readonly use: string;
  /** How the file is written, if it is a text file that is written in an unusual way. */
  readonly format: TextFormat;
  /** The texts that stand for a null; undefined if only an empty value does. */
  readonly nullValues: readonly string[] | undefined;
  /** The number of rows that were looked at. */
  readonly rows: number;
  /** Whether these are all rows of the file. */
  readonly isWhole: boolean;
  /** The columns, in the order of the file. */
  readonly columns: readonly FileColumn[];
}

/** Facts about a column of a data file, found out from the rows that were read. */
export interface FileColumn {
  readonly name: string;
  /** The kind of the values; undefined if they cannot be a feature or there are none. */
  readonly family: Family | undefined;
  /** The number of nulls. */
  readonly nulls: number;
  /** The number of distinct values, at most {@linkcode MAX_DISTINCT}. */
  readonly distinct: number;
  /** Whether a value occurs in one row only; unknown if there are too many distinct values. */
  readonly hasSingle: boolean;
  /** Whether all values are whole numbers. */
  readonly isWhole: boolean;
  /** The largest absolute value of a number. */
  readonly largest: number;
}

/**
 * Reads the first rows of a file to determine its columns and the kinds of their values.
 *
 * @param file The path of the file.
 * @returns The columns. In a text file, texts such as `NA` in columns of numbers count as nulls.
 * @throws {UserError} If the file cannot be read, or has no rows.
 */
export async function readTable(file: string): Promise<FileTable> {
  const stage = sourceOf(file), folder = Deno.cwd();
  const opened = async (options: Readonly<Record<string, unknown>>) =>
    await stage.create(stage.options.parse({ path: resolve(file), ...options }), { folder }).open();
  const format = await guessFormat(resolve(file));
  const first = await opened({ ...format });
  const nullValues = oddTexts(first);
  const data = await withUniqueNames(
    nullValues ? await opened({ ...format, nullValues }) : first,
  );
  try {
    const fields = (data.schema as Schema).fields;
    const tallies = fields.map((field) => new Tally(field));
    let rows = 0, isWhole = true;
    for await (const batch of data.recordBatches() as AsyncIterable<RecordBatch>) {
      if (rows >= MAX_ROWS) {
        isWhole = false;
        break;
      }
      for (const tally of tallies) tally.add(batch);
      rows += batch.numRows;
    }
    if (rows === 0) throw new UserError(`${file} has no rows`);
    return {
      use: stage.name,
      format,
      nullValues,
      rows,
      isWhole,
      columns: tallies.map((tally) => tally.column),
    };
  } finally {
    await data.close?.();
    if (data !== first) await first.close?.();
  }
}

/**
 * The texts that stand for a null, if columns of a text file consist of numbers except for a few
 * such texts.
 */
function oddTexts({ textFacts }: Dataset): string[] | undefined {
  const odd = new Set([""]);
  for (const facts of textFacts?.values() ?? []) {
    if (mayBeNumbers(facts) && !facts.codes) { for (const text of facts.texts) odd.add(text); }
  }
  return odd.size > 1 ? [...odd] : undefined;
}

/** Counts the values of a column. */
class Tally {
  readonly #field: Field;
  readonly #family: Family | undefined;
  readonly #counts = new Map<unknown, number>();
  #nulls = 0;
  #isWhole = true;
  #largest = 0;

  constructor(field: Field) {
    this.#field = field;
    const layout = layoutOf(field.type);
    this.#family = layout?.lists.length === 0 ? layout.family : undefined;
  }

  add(batch: RecordBatch): void {
    const values = batch.getChild(this.#field.name);
    if (!values || this.#family === undefined) return;
    this.#nulls += values.nullCount;
    const read = cellReader(values.data[0]!);
    for (let row = 0; row < batch.numRows; row++) {
      const value = read(row);
      if (value === null) continue;
      const count = this.#counts.get(value);
      if (count !== undefined || this.#counts.size < MAX_DISTINCT) {
        this.#counts.set(value, (count ?? 0) + 1);
      }
      if (this.#family === "strings") continue;
      const number = Number(value);
      this.#isWhole &&= Number.isInteger(number);
      if (Number.isFinite(number)) this.#largest = Math.max(this.#largest, Math.abs(number));
    }
  }

  get column(): FileColumn {
    return {
      name: this.#field.name,
      family: DataType.isNull(this.#field.type) ? undefined : this.#family,
      nulls: this.#nulls,
      distinct: this.#counts.size,
      hasSingle: this.#counts.values().some((count) => count === 1),
      isWhole: this.#isWhole,
      largest: this.#largest,
    };
  }
}
