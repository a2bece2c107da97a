/**
 * Decides which rows of a source belong to which split. The result depends on the rows, the options
 * of the split, and its seed, and not on the record batches in which rows are read.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { type Data, DataType, type Schema } from "apache-arrow";
import { cellTexts } from "../base/cell_text.ts";
import { type Place, UserError } from "../base/errors.ts";
import { hint, type HintText, nameHint } from "../base/hints.ts";
import { joinArrays } from "../base/join_arrays.ts";
import { createRandom, deriveSeed } from "../base/random.ts";
import type { SplitOptions } from "../pipeline/data_options.ts";
import type { Plan } from "../pipeline/plan.ts";
import type { Values } from "../stages/batch.ts";
import type { Dataset } from "../stages/source.ts";
import type { StageReference } from "../stages/stage_error.ts";
import { hashedId } from "./ids.ts";
import { decode, isNull, layoutOf } from "./layout.ts";
import { shuffled } from "./order.ts";
import { divideRows, type SelectedRows, type Selection } from "./select_rows.ts";
import { recordBatches, rowsOf } from "./split.ts";

/** The splits of a source; rows that belong to no other split are training rows. */
const splitNames = ["train", "validation", "test"] as const;

/** The name of a split: `train`, `validation`, or `test`. */
export type SplitName = typeof splitNames[number];

/** The indices of the splits in {@linkcode splitNames}. */
const VALIDATION = 1, TEST = 2;

/** An opened data source that is divided into splits. */
export interface DividedSource {
  /** The opened data source. */
  readonly dataset: Dataset;
  /** The source's stage, for messages. */
  readonly stage: StageReference;
  /** How the rows are divided. */
  readonly split: SplitOptions;
  /** The seed, if the split has none of its own. */
  readonly seed: number;
  /** Returns the place of an option of the split in the pipeline file. */
  readonly place: (...option: readonly string[]) => Place | undefined;
}

/**
 * Returns the name of the column that determines in which split a row is, as a list with one name,
 * or an empty list if there is no such column.
 *
 * @param split How the rows are divided.
 */
export function splitColumns({ by }: SplitOptions): string[] {
  return by === "random" ? [] : Object.values(by);
}

/**
 * Divides the rows of a source into splits, so that each row belongs to exactly one split. The
 * function reads the column that decides the split, if there is one. It keeps 5 bytes per row in
 * memory, or up to 21 for a split by time.
 *
 * @param source The opened data source, and how its rows are divided.
 * @returns The rows of each split, as data sets; the source is closed when all of them are closed.
 * @throws {UserError} If a split has no rows, or if the column is missing or has a null.
 */
export async function divideSource(source: DividedSource): Promise<Map<SplitName, SelectedRows>> {
  return divideRows(source.dataset, await selectSplits(source));
}

/**
 * Determines the row numbers of each split, as {@linkcode divideSource} does, but leaves the source
 * undivided.
 *
 * @param source The opened data source, and how its rows are divided.
 * @returns The rows of each split; the source stays open.
 * @throws {UserError} If a split has no rows, or if the column is missing or has a null.
 */
export async function selectSplits(source: DividedSource): Promise<Map<SplitName, Selection>> {
  const { dataset: { fingerprint: of }, split: { by, ...fractions }, seed } = source;
  const codes = await codesOf(source);
  const counts = [0, 0, 0];
  for (const code of codes) counts[code]!++;
  const selections = new Map<SplitName, Selection>();
  for (const [code, name] of splitNames.entries()) {
    if (counts[code] === 0) continue;
    const rows = new Uint32Array(counts[code]!);
    let filled = 0;
    codes.forEach((of, row) => {
      if (of === code) rows[filled++] = row;
    });
    const about = JSON.stringify([of, name, by, { seed, ...fractions }]);
    const fingerprint = createHash("sha256").update(about).digest("hex");
    selections.set(name, { rows, source: of, fingerprint });
  }
  return selections;
}

/**
 * Returns the place of a split in the pipeline file: of its source, or of its fraction.
 *
 * @param plan The plan.
 * @param name The name of the split.
 */
export function splitPlace({ document, sources, split }: Plan, name: string): Place {
  const isOwn = Object.hasOwn(sources, name);
  const fraction = name === "test" ? split?.test : name === "validation" ? split?.validation : 0;
  const path = isOwn ? [name] : fraction ? ["split", name] : ["all"];
  return document.place(["data", ...path]);
}

/** Returns the split of each row, by the index of its name. */
async function codesOf(source: DividedSource): Promise<Uint8Array> {
  const { split: { by } } = source;
  if (by === "random") return await byChance(source);
  if ("time" in by) return await byTime(source, by.time);
  return "group" in by ? await byGroup(source, by.group) : await byClass(source, by.stratify);
}

/** Divides rows at random. */
async function byChance(source: DividedSource): Promise<Uint8Array> {
  const { dataset, stage } = source;
  let rows = 0;
  if (dataset.rowCounts) { for (const count of dataset.rowCounts) rows += count; }
  else for await (const { batch } of recordBatches(dataset, stage)) rows += batch.numRows;
  const { test, validation } = sizesOf(source, rows);
  return inChance(source, new Uint32Array(rows), { test: [test], validation: [validation] });
}

/**
 * Draws rows at random until each class has as many rows in the test and validation splits as it
 * should.
 */
function inChance(
  { split, seed }: DividedSource,
  classes: Uint32Array,
  wanted: { readonly test: number[]; readonly validation: number[] },
): Uint8Array {
  const codes = new Uint8Array(classes.length), { test, validation } = wanted;
  const random = createRandom(deriveSeed(split.seed ?? seed, "holdout"));
  for (const row of shuffled(classes.length, random)) {
    const of = classes[row]!;
    if (test[of]! > 0) {
      test[of]!--;
      codes[row] = TEST;
    } else if (validation[of]! > 0) {
      validation[of]!--;
      codes[row] = VALIDATION;
    }
  }
  return codes;
}

/** Puts the last rows in time into the test split, and those before them into validation. */
async function byTime(source: DividedSource, column: string): Promise<Uint8Array> {
  const chunks: Moments[] = [];
  await readColumn(source, column, "time", (data) => {
    chunks.push(moments(source, column, data));
  });
  const rows = chunks.reduce((sum, { length }) => sum + length, 0);
  const { test, validation } = sizesOf(source, rows);
  const codes = new Uint8Array(rows), sorted = joined(chunks).sort();
  for (const [code, count] of [[VALIDATION, test + validation], [TEST, test]] as const) {
    if (count === 0) continue;
    const start = rows - count, from = sorted[start]!;
    // Of rows at the same moment, the first ones in the source stay in the split before.
    let before = 0;
    for (let at = start - 1; at >= 0 && sorted[at] === from; at--) before++;
    let row = 0;
    for (const chunk of chunks) {
      for (const value of chunk) {
        if (value > from || value === from && before-- <= 0) codes[row] = code;
        row++;
      }
    }
  }
  return codes;
}

/** The values of a column that have an order; only numbers of 64 bits need another array. */
type Moments = Float64Array | BigInt64Array | BigUint64Array;

/** Returns the values of a column as numbers that can be compared. */
function moments({ place }: DividedSource, column: string, data: Data): Moments {
  const { type, values, length } = data;
  const { family } = layoutOf(type)!;
  if (family === "strings" || family === "booleans" || DataType.isDictionary(type)) {
    throw new UserError(
      `the column ${column} has the type ${type}, whose values have no order in time`,
      {
        place: place("by", "time"),
        hint: hint(
          "split/time-type",
          "name a column of dates, timestamps or numbers; for CSV files, declare its type, such as `types: { " +
            `${column}: timestamp }\` in data`,
          { edit: "the column" },
        ),
        exitCode: 2,
      },
    );
  }
  const numbers = values as unknown;
  if (numbers instanceof BigInt64Array || numbers instanceof BigUint64Array) {
    return numbers.slice(0, length);
  }
  return new Float64Array(numbersIn(data, length));
}

function joined(chunks: readonly Moments[]): Moments {
  const type = (chunks[0]?.constructor ?? Float64Array) as Float64ArrayConstructor;
  return joinArrays(chunks as readonly Float64Array[], type);
}

/**
 * The number of buckets that groups are hashed to. A few of very many groups share a bucket, and
 * are in the same split; in return, the memory does not depend on the number of groups.
 */
const buckets = 2 ** 20;

/** Keeps all rows of a group in the same split. */
async function byGroup(source: DividedSource, column: string): Promise<Uint8Array> {
  const { split, seed, place } = source;
  const salt = deriveSeed(split.seed ?? seed, "groups");
  const counts = new Uint32Array(buckets), chunks: Uint32Array[] = [];
  let rows = 0;
  await readColumn(source, column, "group", (data) => {
    const text = cellTexts(data);
    chunks.push(Uint32Array.from({ length: data.length }, (_, row) => {
      const bucket = hashedId(`${salt} ${text(row)}`, buckets);
      counts[bucket]!++;
      return bucket;
    }));
    rows += data.length;
  });
  // The buckets of groups are random numbers, so ascending buckets are groups in random order.
  let free: number[] = [];
  counts.forEach((count, bucket) => count > 0 && free.push(bucket));
  const wanted = ([["test", TEST], ["validation", VALIDATION]] as const)
    .flatMap(([name, code]) => split[name] === undefined ? [] : [{ code, part: split[name] }]);
  if (free.length <= wanted.length) {
    throw new UserError(
      `the column ${column} has ${free.length} different ${
        free.length === 1 ? "value" : "values"
      }, but a split into ${wanted.length + 1} parts needs at least ${wanted.length + 1} groups`,
      {
        place: place("by", "group"),
        hint: hint("split/groups", "name a column with more groups, or write `by: random`", {
          set: { "/data/split/by": "random" },
        }),
      },
    );
  }
  const codeOf = new Uint8Array(buckets);
  for (const [index, { code, part }] of wanted.entries()) {
    const others = wanted.length - index;
    const chosen = groupsFor(free, counts, { rows: rows * part, most: free.length - others });
    for (const bucket of chosen) codeOf[bucket] = code;
    free = free.filter((bucket) => !chosen.has(bucket));
  }
  const codes = new Uint8Array(rows);
  let row = 0;
  for (const chunk of chunks) for (const bucket of chunk) codes[row++] = codeOf[bucket]!;
  return codes;
}

/**
 * Chooses groups in order, each if it brings the number of rows closer to what is wanted. If none
 * does, the smallest group is chosen.
 */
function groupsFor(
  free: readonly number[],
  counts: Uint32Array,
  { rows, most }: { readonly rows: number; readonly most: number },
): Set<number> {
  const chosen = new Set<number>();
  let missing = rows;
  for (const bucket of free) {
    if (chosen.size === most) break;
    if (counts[bucket]! >= 2 * missing) continue;
    chosen.add(bucket);
    missing -= counts[bucket]!;
  }
  if (chosen.size > 0) return chosen;
  return new Set([
    free.reduce((least, bucket) => counts[bucket]! < counts[least]! ? bucket : least),
  ]);
}

/** The maximum number of classes by which rows can be divided. */
const mostClasses = 2 ** 16;

/** Divides the rows of each class in the same proportions. */
async function byClass(source: DividedSource, column: string): Promise<Uint8Array> {
  const { place } = source;
  const numbers = new Map<string | null, number>(), counts: number[] = [];
  const chunks: Uint32Array[] = [];
  const otherColumn = hint(
    "split/classes",
    "name a column with fewer different values, such as the label of a classifier, or write `by: random`",
    { set: { "/data/split/by": "random" } },
  );
  const refuse = (message: string) =>
    new UserError(message, { place: place("by", "stratify"), hint: otherColumn });
  await readColumn(source, column, "stratify", (data) => {
    const text = cellTexts(data);
    chunks.push(Uint32Array.from({ length: data.length }, (_, row) => {
      const value = text(row), known = numbers.get(value) ?? numbers.size;
      if (known === mostClasses) {
        throw refuse(
          `the column ${column} has more than ${mostClasses} different values, too many to divide each of them`,
        );
      }
      numbers.set(value, known);
      counts[known] = (counts[known] ?? 0) + 1;
      return known;
    }));
  });
  // Rows without a value need not be in each split.
  const single = Array.from(numbers).find(([value, of]) => counts[of] === 1 && value !== null);
  if (single) {
    throw refuse(
      `the value ${JSON.stringify(single[0])} of the column ${column} is in one row only, which ` +
        "cannot be in more than one split",
    );
  }
  const classes = joinArrays(chunks, Uint32Array);
  const sizes = sizesOf(source, classes.length);
  // One row of each class stays a training row.
  const room = counts.map((count) => count - 1);
  const test = shares(sizes.test, counts, room);
  const left = room.map((rows, of) => rows - test[of]!);
  const validation = shares(sizes.validation, counts, left);
  const all = (rows: readonly number[]) => rows.reduce((sum, count) => sum + count, 0);
  if (all(test) < sizes.test || all(validation) < sizes.validation) {
    throw refuse(
      `${classes.length} rows with ${counts.length} values of the column ${column} are too few: a ` +
        "row of each value has to stay in the training split",
    );
  }
  return inChance(source, classes, { test, validation });
}

/**
 * Divides a number of rows among classes in proportion to their sizes, by the method of the largest
 * remainder.
 *
 * @param rows The number of rows to divide.
 * @param counts The number of rows of each class.
 * @param room How many of them can be used at most.
 * @returns The number of rows for each class. Their sum is smaller if there is no more room.
 */
function shares(rows: number, counts: readonly number[], room: readonly number[]): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const exact = counts.map((count) => count * rows / total);
  const given = exact.map((share, of) => Math.min(Math.floor(share), room[of]!));
  let left = rows - given.reduce((sum, count) => sum + count, 0);
  const order = Array.from(counts.keys())
    .sort((a, b) => (exact[b]! - given[b]!) - (exact[a]! - given[a]!));
  for (let before = -1; left > 0 && left !== before;) {
    before = left;
    for (const of of order) {
      if (left === 0) break;
      if (given[of]! >= room[of]!) continue;
      given[of]!++;
      left--;
    }
  }
  return given;
}

/**
 * Returns the number of rows in the test and validation splits: the fractions, rounded to whole
 * rows.
 *
 * @throws {UserError} If a split would have no rows.
 */
function sizesOf(
  { split, place }: DividedSource,
  rows: number,
): { readonly test: number; readonly validation: number } {
  const sizes = { test: 0, validation: 0 };
  for (const name of ["test", "validation"] as const) {
    const part = split[name];
    if (part === undefined) continue;
    sizes[name] = Math.round(rows * part);
    if (sizes[name] > 0) continue;
    throw new UserError(
      `the ${name} split would have no rows: data.split.${name} is ${part}, and there are ${rows} rows`,
      { place: place(name), hint: largerHint(rows, Object.keys(split).includes("test") ? 3 : 2) },
    );
  }
  if (rows > sizes.test + sizes.validation) return sizes;
  throw new UserError(
    `the train split would have no rows: the other splits take all rows of the source (${rows})`,
    { place: place(), hint: moreRowsHint() },
  );
}

/** Returns the hint for a fraction that is smaller than a row. */
function largerHint(rows: number, parts: number): HintText {
  if (rows < parts) return moreRowsHint();
  const least = Math.ceil(100 / rows) / 100;
  return hint("split/fraction", `write ${least} or more, or use a file with more rows`, {
    set: { ".": least },
  });
}

const moreRowsHint = () =>
  hint("split/rows", "use a file with more rows", { edit: "the data file" });

/**
 * Reads one column of a source.
 *
 * @param source The source.
 * @param column The column's name.
 * @param by The option that names it.
 * @param visit Receives the column in each record batch.
 * @throws {UserError} If the column is missing or has lists, or if a row has no value in it.
 */
async function readColumn(
  source: DividedSource,
  column: string,
  by: "time" | "group" | "stratify",
  visit: (data: Data) => void,
): Promise<void> {
  const { dataset, stage, place } = source;
  const { fields } = dataset.schema as Schema, names = fields.map(({ name }) => name);
  const type = fields.find(({ name }) => name === column)?.type;
  if (!type) {
    throw new UserError(`the data has no column ${JSON.stringify(column)}`, {
      place: place("by", by),
      hint: nameHint("split/column", {
        written: column,
        names,
        intro: "its columns are",
        change: (near) => ({ set: { ".": near } }),
      }),
      exitCode: 2,
    });
  }
  if (layoutOf(type)?.lists.length !== 0) {
    throw new UserError(
      `the column ${column} has the type ${type}, which cannot decide the split of a row`,
      {
        place: place("by", by),
        hint: hint(
          "split/type",
          "name a column with a single value per row, or write `by: random`",
          {
            set: { "/data/split/by": "random" },
          },
        ),
        exitCode: 2,
      },
    );
  }
  let rows = 0, nulls = 0, first = 0;
  for await (const { batch } of recordBatches(dataset, stage)) {
    const at = batch.schema.fields.findIndex(({ name }) => name === column);
    const data = batch.data.children[at] as Data;
    const isMissing = by === "stratify" ? () => false : missingIn(data);
    for (let row = 0; row < data.length; row++) {
      if (isMissing(row) && nulls++ === 0) first = rows + row;
    }
    visit(data);
    rows += data.length;
  }
  if (nulls === 0) return;
  throw new UserError(
    `${
      rowsOf(dataset, {})(first)
    }, column ${column}: the value is null, but the column decides the split of a row; ${
      nulls === 1 ? "1 row has" : `${nulls} rows have`
    } no value (rows count from 0)`,
    {
      place: place("by", by),
      hint: hint("split/null", "give each row a value, or write `by: random`", {
        set: { "/data/split/by": "random" },
      }),
    },
  );
}

/** Returns a function that checks whether a row has no value: a null or NaN. */
function missingIn(data: Data): (row: number) => boolean {
  const { type, length } = data;
  if (!DataType.isFloat(type)) return (row) => isNull(data, row);
  const numbers = numbersIn(data, length);
  return (row) => isNull(data, row) || Number.isNaN(numbers[row]);
}

/** Returns the values of a column of numbers. */
function numbersIn(data: Data, length: number): Values {
  const fail = () => 0 as never;
  return decode(data, 0, length, { id: fail, big: Number, fail }).values;
}
