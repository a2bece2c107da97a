import type { Data, Field } from "apache-arrow";
import { DataType } from "apache-arrow";
import type { FeatureOptions, NullPolicy } from "../pipeline/data_options.ts";
import { type Place, type Problem, UserError } from "../base/errors.ts";
import { type Change, hint, type HintText, joinHints } from "../base/hints.ts";
import type { ColumnSpec, TextColumn, Values } from "../stages/batch.ts";
import { mayBeNumbers } from "../stages/source.ts";
import {
  arrayOf,
  canBeIds,
  decode,
  type Decoding,
  type Family,
  flatten,
  isNull,
  isTimestamp,
  type Layout,
  layoutOf,
  supportedTypes,
  type ValuesConstructor,
} from "./layout.ts";
import { type IdCounts, IdMaker, type IdRequest, isTrainingIds, PADDING } from "./ids.ts";
import { lastAtMost } from "./bounds.ts";
import { Occurrences } from "./occurrences.ts";
import { listed } from "./listed.ts";
import { type ColumnText, looksLikeNumber, textOf } from "./texts.ts";

/** What a column is read as, whatever else is said of it. */
export type ColumnUse = "feature" | "label" | "metrics" | "weight";

/** How a column is read. */
export type ColumnOptions = Omit<FeatureOptions, "column" | "ids" | "nulls"> & {
  /** What becomes of nulls. */
  readonly nulls: NullPolicy;
};

/** What a column is read for. */
export interface ColumnRequest {
  /** The column's name. */
  readonly column: string;
  /** What it is read as; a feature by default. */
  readonly use?: ColumnUse | undefined;
  /** How it is read. */
  readonly options: ColumnOptions;
  /** How its values become ids, if the pipeline says so. */
  readonly ids?: IdRequest | undefined;
  /** What the column was in the training split, if this is another one. */
  readonly like?: { readonly spec: ColumnSpec; readonly field: Field } | undefined;
  /** The class of a value of a label that has classes. */
  readonly classOf?: ((value: string | number | bigint, row: number) => number) | undefined;
  /** What sources know of it, if it is text. */
  readonly text?: ColumnText | undefined;
  /** Where a row is, in words; its number by default. */
  readonly where?: ((row: number) => string) | undefined;
  /** Where the pipeline file says it, whole or an option of it. */
  readonly place: (option?: string) => Place | undefined;
}

/** A column's values in one record batch. */
export interface ColumnChunk {
  /** The values of all rows: a view of the file where its layout allows. Not to be written to. */
  readonly values: Values;
  /** 1 for rows that are dropped for a null; absent where there are none. */
  readonly dropped: Uint8Array | undefined;
  /**
   * What null lists are filled with, where no row so far tells how long they are: `values` is empty
   * then, until {@linkcode ColumnReader.shaped} makes it whole.
   */
  readonly unshaped?: number | undefined;
}

/** Rows that have something that is refused. */
interface BadRows {
  /** The first of them. */
  readonly first: number;
  /** What it has, where that is no null. */
  readonly value?: number;
  /** How many there are. */
  count: number;
}

/**
 * Reads one column of a source, record batch by record batch, as typed arrays.
 *
 * Numbers keep the array they have in the file. Booleans become 0 and 1; half floats floats; whole
 * numbers of 64 bits and decimals doubles; dates, timestamps, times and durations seconds, as
 * doubles; strings ids, by their position among the sorted strings of the training split. Nulls
 * that a measured number will fill are NaN.
 *
 * Nulls and numbers that are not finite are counted, and refused once all rows were read, by
 * {@linkcode ColumnReader.problems}; what else is wrong with a row is refused at once.
 */
export class ColumnReader {
  readonly #request: ColumnRequest;
  readonly #layout: Layout;
  readonly #dtype: ColumnSpec["dtype"];
  readonly #array: ValuesConstructor;
  /** The ids of strings without `ids:`. */
  readonly #ids: Map<string, number> | undefined;
  readonly #maker: IdMaker | undefined;
  /** How often strings without `ids:` occur. */
  readonly #occurrences = new Occurrences();
  readonly #open: boolean;
  readonly #unit: ColumnSpec["unit"];
  /** Whole numbers of a column that metrics read which doubles cannot hold, by their order. */
  readonly #large: Map<string, number>;
  #text: { readonly row: number; readonly value: string; readonly number: boolean } | undefined;
  #nulls: BadRows | undefined;
  #notFinite: BadRows | undefined;
  /** In how many rows null lists of a length that was not known yet are filled with a value. */
  readonly #untallied = new Map<number, number>();
  #known: readonly string[] | undefined;
  #shape: readonly number[] | undefined;
  #row = 0;

  /**
   * Checks a column's type against what is wanted of it.
   *
   * @param field The column's name and type.
   * @param request What it is read for.
   * @throws {UserError} If the type does not suit.
   */
  constructor(field: Field, request: ColumnRequest) {
    this.#request = request;
    const { options, like } = request;
    const layout = layoutOf(field.type);
    if (!layout) {
      throw this.#refusal(
        `the column ${request.column} has the type ${field.type}`,
        hint("column/type", `what can be read: ${supportedTypes}`, {
          edit: "the column, or another one in its place",
        }),
      );
    }
    this.#layout = layout;
    if (like) this.#refuseOtherFamily(field, like.field);
    this.#refuseNoIds(field);
    const strings = layout.family === "strings";
    const isId = strings || request.ids !== undefined;
    this.#dtype = like?.spec.dtype ?? options.dtype ?? (isId ? "int32" : "float32");
    if (isId && this.#dtype === "float32") {
      throw this.#refusal(
        `the column ${request.column} holds ${layout.family}, which become int32 ids, not float32`,
        hint("column/id-dtype", "leave out dtype", { remove: ["."] }),
        "dtype",
      );
    }
    const vocabulary = like?.spec.vocabulary;
    this.#maker = request.ids &&
      new IdMaker(
        request.ids,
        layout.family !== "strings" && layout.family !== "booleans",
        vocabulary,
      );
    this.#ids = strings && !request.ids && !request.classOf
      ? new Map(vocabulary?.map((text, id) => [text, id]))
      : undefined;
    this.#open = this.#ids !== undefined && vocabulary === undefined;
    this.#large = new Map(
      request.use === "metrics" && !strings ? vocabulary?.map((text, order) => [text, order]) : [],
    );
    this.#unit = this.#dtype === "float32" && isTimestamp(layout.leaf)
      ? "seconds since 1970"
      : undefined;
    this.#refuseNoMeans();
    this.#checkConstants();
    this.#array = this.#storage();
    this.#shape = like?.spec.shape ?? this.#shapeByType(field);
  }

  /**
   * Reads the column's part of the next record batch.
   *
   * @param data The column.
   * @returns Its values.
   * @throws {UserError} If a row is of another shape, or has a value that is not as wanted.
   */
  read(data: Data): ColumnChunk {
    const { leaf, bounds, nullRows } = flatten(data);
    const rows = data.length, from = bounds[0]!, to = bounds[rows]!;
    const { nulls, nan } = this.#request.options;
    // Where rows have a value each, there is nothing to search.
    const rowOf = (index: number) =>
      bounds[index] === index && bounds[index + 1] === index + 1
        ? index
        : lastAtMost(bounds, index);
    const decoded = decode(leaf, from, to, this.#decoding(rowOf));
    const nullValues = leaf.nullCount > 0 && !DataType.isFixedSizeBinary(leaf.type);
    const nanValues = nan === "missing" && isFloat(decoded.values) && decoded.values.some(isNaN);
    const isMissing = (index: number) =>
      nullValues && isNull(leaf, index) || nanValues && isNaN(decoded.values[index - from]!);
    let values = this.#stored(decoded.values, (index) => {
      if (isMissing(from + index)) return 0;
      return this.#fail(
        rowOf(from + index),
        `has ${decoded.values[index]}, which is no int32`,
        this.#int32Hint(),
      );
    });

    const missing = nullValues || nanValues || nullRows !== undefined;
    const dropped = nulls === "drop" && missing
      ? nullRows?.slice() ?? new Uint8Array(rows)
      : undefined;
    const marked = nulls === "error" && missing
      ? nullRows?.slice() ?? new Uint8Array(rows)
      : dropped;
    const fill = typeof nulls === "object" ? this.#constant(nulls.fill) : 0;
    const gaps: number[] = [];
    if (nullValues || nanValues) {
      if (values === decoded.values) values = values.slice();
      for (let index = from; index < to; index++) {
        if (!isMissing(index)) continue;
        if (marked) marked[rowOf(index)] = 1;
        if (isMeasured(nulls)) gaps.push(index);
        values[index - from] = fill;
      }
    }
    if (nulls === "error" && marked) this.#nulls = this.#counted(this.#nulls, marked);
    values = this.#inRows(values, bounds, nullRows);
    if (this.#shape === undefined) {
      this.#row += rows;
      const unshaped = rows === 0 ? undefined : isMeasured(nulls) ? NaN : fill;
      return { values, dropped: dropped?.includes(1) ? dropped : undefined, unshaped };
    }
    if (nullRows && !dropped) {
      const size = values.length / rows;
      // A list that is to be padded is empty rather than full of one value.
      const all = this.#request.options.length === undefined ? fill : PADDING;
      values = values.slice();
      nullRows.forEach((isNull, row) => {
        if (isNull) values.fill(all, row * size, (row + 1) * size);
      });
    }
    this.#lookForNotFinite(values, rows, marked);
    if (isMeasured(nulls) && missing) {
      const size = values.length / rows;
      for (const index of gaps) {
        const row = rowOf(index);
        values[row * size + index - bounds[row]!] = NaN;
      }
      nullRows?.forEach((isNull, row) => {
        if (isNull) values.fill(NaN, row * size, (row + 1) * size);
      });
    }
    this.#row += rows;
    return { values, dropped: dropped?.includes(1) ? dropped : undefined };
  }

  /**
   * Counts the ids of a record batch that stay: those of rows that no column drops.
   *
   * @param chunk What {@linkcode ColumnReader.read} returned.
   * @param rows How many rows it has.
   * @param dropped 1 for rows that a column drops.
   */
  tally({ values, unshaped }: ColumnChunk, rows: number, dropped: Uint8Array | undefined): void {
    if (unshaped !== undefined) {
      const kept = rows - (dropped?.filter(Boolean).length ?? 0);
      this.#untallied.set(unshaped, kept + (this.#untallied.get(unshaped) ?? 0));
    }
    this.#maker?.tally(values, rows, dropped);
    if (this.#open) this.#occurrences.add(values, rows, dropped);
  }

  /**
   * A chunk with the values that its rows have, once all rows were read.
   *
   * @param chunk What {@linkcode ColumnReader.read} returned.
   * @param rows How many rows it has.
   */
  shaped(chunk: ColumnChunk, rows: number): ColumnChunk {
    const { unshaped, dropped } = chunk;
    if (unshaped === undefined) return chunk;
    const values = new this.#array(rows * sizeOf(this.#shape ?? [0])).fill(unshaped);
    return { values, dropped };
  }

  /** How often values occur, once ids are final; undefined for what are no ids of a vocabulary. */
  get idCounts(): IdCounts | undefined {
    if (!this.#open) return this.#maker?.counts;
    let once = 0;
    for (const id of this.#ids!.values()) once += Number(this.#occurrences.of(id) === 1);
    return { values: this.#occurrences.total, unknown: 0, once };
  }

  /**
   * What was wrong with the rows so far: nulls, and numbers that are not finite.
   *
   * @returns A problem for each kind, with the first row and how many there are.
   */
  problems(): Problem[] {
    const problems: Problem[] = [];
    if (this.#nulls) {
      const { first, count } = this.#nulls;
      problems.push({
        message: this.#inRow(first, `is null; in all, ${this.#share(count)}`),
        place: this.#request.place(),
        hint: this.#nullHint(),
      });
    }
    if (this.#notFinite) {
      const { first, value, count } = this.#notFinite;
      problems.push({
        message: this.#inRow(
          first,
          `has ${value}; in all, ${this.#share(count)} not finite${
            Number.isFinite(value) ? " in float32" : ""
          }`,
        ),
        place: this.#request.place(),
        hint: this.#notFiniteHint(Number.isNaN(value)),
      });
    }
    return problems;
  }

  /**
   * Makes ids final, when all record batches were read.
   *
   * @param chunks What {@linkcode ColumnReader.read} returned.
   * @param lender What the feature is whose vocabulary this one has, if it has another one's.
   * @returns What the column is.
   */
  finish(chunks: readonly ColumnChunk[], lender?: ColumnSpec): ColumnSpec {
    const { nulls, length } = this.#request.options;
    if (this.#shape === undefined && this.#row > 0 && nulls !== "drop") throw this.#noShape();
    this.#tallyUnshaped();
    const spec = {
      shape: this.#shape ?? [0],
      dtype: this.#dtype,
      ...(this.#unit && { unit: this.#unit }),
      ...(isMeasured(nulls) && { missing: nulls }),
      ...(this.#large.size > 0 && { vocabulary: [...this.#large.keys()] }),
    };
    if (this.#maker) {
      const { kind, count, ...named } = this.#maker.finish(chunks, lender);
      if (named.vocabulary?.length === 0) this.#refuseAllRare();
      const padded = length !== undefined;
      return { ...spec, ...named, ids: { kind, count, name: this.#request.ids!.name, padded } };
    }
    if (!this.#ids) return spec;
    const text = this.#textColumn();
    if (!this.#open) {
      this.#known ??= [...this.#ids.keys()];
      return { ...spec, vocabulary: this.#known, ...(text && { text }) };
    }
    const found = [...this.#ids.keys()];
    const vocabulary = found.toSorted();
    const final = new Int32Array(found.length);
    vocabulary.forEach((text, id) => final[this.#ids!.get(text)!] = id);
    for (const { values } of chunks) {
      // Ids were decoded into arrays of our own.
      for (let index = 0; index < values.length; index++) {
        values[index] = final[values[index]!] ?? 0;
      }
    }
    return { ...spec, vocabulary, ...(text && { text }) };
  }

  #noShape(): UserError {
    const { column } = this.#request;
    return this.#refusal(
      `the column ${column} has null in all rows, which do not tell how long its lists are`,
      hint("column/no-shape", "write their length as `shape`, such as shape: [20]", {
        set: { shape: [20] },
      }),
    );
  }

  /** Counts the ids of lists that were not whole when their record batch was counted. */
  #tallyUnshaped(): void {
    const size = sizeOf(this.#shape ?? [0]);
    for (const [value, rows] of this.#untallied) {
      this.tally(
        { values: new this.#array(size * rows).fill(value), dropped: undefined },
        rows,
        undefined,
      );
    }
    this.#untallied.clear();
  }

  #decoding(rowOf: (index: number) => number): Decoding {
    const { use, classOf, options } = this.#request;
    const fail = (index: number, message: string): never => this.#fail(rowOf(index), message);
    const big = (value: bigint, index: number): number => {
      if (use === "metrics") {
        // They only have to be told apart: no whole number ends in a half.
        const text = String(value);
        let order = this.#large.get(text);
        if (order === undefined) this.#large.set(text, order = this.#large.size);
        return order + 0.5;
      }
      if (options.dtype === "float32" || use !== undefined && use !== "feature") {
        return Number(value);
      }
      return this.#fail(
        rowOf(index),
        `has ${value}, which a double cannot hold exactly`,
        hint(
          "column/large",
          "such numbers are ids as a rule: `ids: train` or `ids: { hash: 100000 }`; `dtype: float32` takes the nearest float",
          [
            { set: { ids: "train" } },
            { set: { ids: { hash: 100_000 } } },
            { set: { dtype: "float32" } },
          ],
        ),
      );
    };
    if (classOf) {
      const key = (value: string | number | bigint, index: number) =>
        classOf(value, this.#row + rowOf(index));
      return { id: key, key, big, fail };
    }
    if (this.#maker) {
      const booleans = this.#layout.family === "booleans";
      const key = (value: string | number | bigint, index: number) =>
        this.#made(booleans ? String(value === 1) : value, () => rowOf(index));
      return { id: key, key, big, fail };
    }
    const id = (text: string, index: number) =>
      this.#id(text, () => rowOf(index)) ?? this.#failUnknown(text, rowOf(index));
    return { id, big, fail };
  }

  #made(value: string | number | bigint, row: () => number): number {
    return this.#maker!.id(value) ?? this.#fail(
      row(),
      `has ${value}; expected an id from 0 to ${this.#maker!.count! - 1}`,
      this.#countHint(value),
    );
  }

  /** What to do about a number that is no id of a feature whose ids are counted. */
  #countHint(value: string | number | bigint): HintText {
    const { borrowed, name } = this.#request.ids!;
    const ids = (made: unknown): Change => ({
      set: { [borrowed ? `../../train/${name}/ids` : "ids"]: made },
    });
    const others = [ids("train"), ids({ hash: 1000 })];
    const words = "make ids of the values: `ids: train` or `ids: { hash: 1000 }`" +
      (borrowed ? ` at the feature ${name}` : "");
    const number = Number(value);
    if (!Number.isSafeInteger(number) || number < 0) return hint("column/no-id", words, others);
    const count = number + 1;
    return hint("column/id-count", `write \`count: ${count}\` or more, or ${words}`, [
      ids({ count }),
      ...others,
    ]);
  }

  /** What to do about a value that is no int32. */
  #int32Hint(): HintText {
    const numbers: Change = { remove: ["dtype"] };
    return canBeIds(this.#layout.leaf)
      ? hint(
        "column/int32-ids",
        "leave out `dtype: int32`, or make ids of the values: `ids: train` or `ids: { hash: 1000 }`",
        [numbers, { set: { ids: "train" } }, { set: { ids: { hash: 1000 } } }],
      )
      : hint("column/int32", "leave out `dtype: int32`", numbers);
  }

  #id(text: string, row?: () => number): number | undefined {
    const known = this.#ids!.get(text);
    if (known !== undefined || !this.#open) return known;
    if (row && (!this.#text || this.#text.number)) {
      const number = looksLikeNumber(text);
      if (!this.#text || !number) this.#text = { row: this.#row + row(), value: text, number };
    }
    const id = this.#ids!.size;
    this.#ids!.set(text, id);
    return id;
  }

  /** Where a feature has text, and what to write if it was meant to have numbers. */
  #textColumn(): TextColumn | undefined {
    const { column, like, options: { nulls } } = this.#request;
    if (!this.#open) return like?.spec.text;
    if (!this.#text) return undefined;
    const fill = fillOf(nulls);
    const text = this.#request.text ??
      textOf([...this.#ids!.keys()].filter((text) => text !== fill));
    const own = { row: this.#where(this.#text.row), value: this.#text.value };
    if (!mayBeNumbers(text)) return { column, ...own };
    const { row, texts: [value] } = text;
    const first = row !== undefined && value !== undefined ? { row, value } : own;
    return { column, ...first, hint: this.#numberHint(text) };
  }

  /** What to write where text is meant to be numbers, but for some values that are none. */
  #numberHint({ texts: odd, codes, nullValues, splits }: ColumnText): HintText {
    const { column } = this.#request;
    const sources = (option: string, value: unknown) =>
      Object.fromEntries(splits.map((split) => [`/data/${split}/${option}`, value]));
    const hasOptions = splits.length > 0;
    if (odd.length === 0) {
      return hasOptions
        ? hint(
          "text/csv-numbers",
          `to read numbers, write \`columns: { ${column}: float64 }\` in the sources of data`,
          { set: sources(`columns/${column}`, "float64") },
        )
        : hint("text/numbers", "write the column as numbers, or cast it with the source sql", {
          edit: "the data file, or the source",
        });
    }
    const where = `where ${listed(odd)} ${
      odd.length === 1 ? "stands" : "stand"
    } for missing numbers, write `;
    if (!hasOptions) {
      return hint(
        "text/missing",
        `${where}nulls in the file, or \`TRY_CAST(${column} AS DOUBLE)\` with the source sql`,
        { edit: "the data file, or the source" },
      );
    }
    const all = [...nullValues, ...odd];
    const list = all.map((text) => JSON.stringify(text)).join(", ");
    return hint(
      "text/csv-missing",
      `${where}\`nullValues: [${list}]\` ${
        codes ? `and \`columns: { ${column}: float64 }\` ` : ""
      }in the sources of data, and what becomes of them: \`nulls: mean\``,
      {
        set: {
          ...sources("nullValues", all),
          ...codes && sources(`columns/${column}`, "float64"),
          nulls: "mean",
        },
      },
    );
  }

  /** The constant that fills or pads, as it is stored. */
  #constant(value: number | string): number {
    if (this.#request.classOf) return this.#request.classOf(value, -1);
    if (this.#maker) return this.#maker.id(value)!;
    return typeof value === "string" ? this.#id(value)! : value;
  }

  #refuseAllRare(): void {
    const { column, ids } = this.#request, options = ids!.options;
    const most = this.#maker!.mostFrequent;
    if (!isTrainingIds(options) || ids!.borrowed || !most) return;
    const { value, count } = most;
    throw new UserError(
      `no value of the column ${column} occurs ${options.minCount} times in the training rows: the most frequent one, ${
        JSON.stringify(value)
      }, occurs ${count === 1 ? "once" : `${count} times`}`,
      {
        place: this.#request.place("ids.minCount"),
        hint: hint("ids/min-count", `write \`minCount: ${count}\` or less`, {
          set: { ".": count },
        }),
        exitCode: 2,
      },
    );
  }

  #refuseNoMeans(): void {
    const { column, options: { nulls, pad } } = this.#request;
    if (!isMeasured(nulls)) return;
    if (this.#dtype === "int32") {
      throw this.#refusal(
        `the column ${column} holds ${
          this.#layout.family === "strings" ? "text" : "ids"
        }, which has no ${nulls}`,
        this.#layout.family === "strings"
          ? hint("column/text-mean", 'write `nulls: { fill: "none" }` or `nulls: drop`', [
            { set: { ".": { fill: "none" } } },
            { set: { ".": "drop" } },
          ])
          : this.#request.ids
          ? hint("column/id-mean", "write `nulls: drop`", { set: { ".": "drop" } })
          : hint(
            "column/int32-mean",
            "leave out `dtype: int32`, or write `nulls: { fill: 0 }` or `nulls: drop`",
            [
              { remove: ["../dtype"] },
              { set: { ".": { fill: 0 } } },
              { set: { ".": "drop" } },
            ],
          ),
        "nulls",
      );
    }
    if (pad === undefined) return;
    throw this.#refusal(
      `the column ${column} has padded lists, whose places have no ${nulls} of their own`,
      hint("column/padded-mean", "write `nulls: { fill: 0 }` or `nulls: drop`", [
        { set: { ".": { fill: 0 } } },
        { set: { ".": "drop" } },
      ]),
      "nulls",
    );
  }

  #checkConstants(): void {
    const { column, classOf, options: { nulls, pad } } = this.#request;
    if (classOf) return;
    if (this.#maker) {
      const fill = fillOf(nulls);
      if (fill === undefined || this.#maker.count === undefined) return;
      if (this.#maker.id(fill) !== undefined) return;
      throw this.#refusal(
        `${JSON.stringify(fill)}, which takes the place of nulls, is no id of ${column}`,
        hint("column/fill-id", `write a number from 0 to ${this.#maker.count - 1}`, {
          set: { ".": { fill: 0 } },
        }),
        "nulls",
      );
    }
    const strings = this.#ids !== undefined;
    if (strings && pad !== undefined) {
      throw this.#refusal(
        `the column ${column} holds text, and ${pad} would stand for one of its values`,
        this.#lengthHint(),
        "pad",
      );
    }
    if (typeof nulls === "object") {
      const { fill } = nulls;
      if (strings !== (typeof fill === "string")) {
        throw this.#refusal(
          `the column ${column} holds ${this.#layout.family}; nulls cannot become ${
            JSON.stringify(fill)
          }`,
          strings
            ? hint("column/fill-text", 'write a string as fill, such as "none"', {
              set: { ".": { fill: "none" } },
            })
            : hint("column/fill-number", "write a number as fill, such as 0", {
              set: { ".": { fill: 0 } },
            }),
          "nulls",
        );
      }
      if (typeof fill === "string" && this.#id(fill) === undefined) {
        throw this.#refusal(
          `${JSON.stringify(fill)}, which takes the place of nulls, is no value of ${column}`,
          hint(
            "column/fill-known",
            `fill nulls with a value that training rows have, such as ${
              JSON.stringify([...this.#ids!.keys()][0])
            }`,
            { set: { ".": { fill: [...this.#ids!.keys()][0] } } },
          ),
          "nulls",
        );
      }
    }
    for (const [option, value] of [["pad", pad], ["nulls", fillOf(nulls)]] as const) {
      if (typeof value !== "number" || this.#dtype === "float32" || isInt32(value)) continue;
      throw this.#refusal(
        `${value} is no int32, as the values of ${column} are to be`,
        hint("column/whole", "write a whole number, such as 0", {
          set: { ".": option === "pad" ? 0 : { fill: 0 } },
        }),
        option,
      );
    }
  }

  /** The array that values are kept in: the file's own if what it is wanted for allows. */
  #storage(): ValuesConstructor {
    if (this.#maker || this.#request.classOf) return Int32Array;
    const natural = arrayOf(this.#layout.leaf);
    if (this.#dtype === "int32") {
      return fitsInt32(natural) ? natural : Int32Array;
    }
    const { nulls, pad } = this.#request.options;
    const holdsAll =
      [fillOf(nulls), pad].every((value) =>
        typeof value !== "number" || new natural([value])[0] === value ||
        natural === Float32Array
      ) && (!isMeasured(nulls) || natural === Float32Array || natural === Float64Array);
    if (holdsAll) return natural;
    return natural.BYTES_PER_ELEMENT < 4 ? Float32Array : Float64Array;
  }

  /** Values in the array that they are kept in; `refuse` is asked where one is no int32. */
  #stored(values: Values, refuse: (index: number) => number): Values {
    if (values instanceof this.#array) return values;
    if (this.#dtype === "float32") return new this.#array(values);
    const ids = new Int32Array(values.length);
    for (let index = 0; index < values.length; index++) {
      const value = values[index]!;
      ids[index] = isInt32(value) ? value : refuse(index);
    }
    return ids;
  }

  /** Values in rows of one size: as they are if the rows have it, else padded and cut. */
  #inRows(values: Values, bounds: Float64Array, nullRows: Uint8Array | undefined): Values {
    const rows = bounds.length - 1, from = bounds[0]!;
    const { pad } = this.#request.options;
    this.#shape ??= this.#shapeByRows(bounds, nullRows);
    const size = this.#shape ? sizeOf(this.#shape) : 0;
    let other = -1;
    for (let row = 0; row < rows && other < 0; row++) {
      if (bounds[row + 1]! - bounds[row]! !== size) other = row;
    }
    if (other < 0) return values;
    const fill = this.#maker ? PADDING : pad ?? 0;
    const { length: most, keep } = this.#request.options;
    const padded = new this.#array(rows * size).fill(fill);
    for (let row = 0; row < rows; row++) {
      const start = bounds[row]! - from, length = bounds[row + 1]! - bounds[row]!;
      if (pad === undefined && most === undefined && length !== size && !nullRows?.[row]) {
        this.#fail(
          row,
          `has ${length} values; expected ${size}, the shape [${this.#shape}]`,
          this.#lengthsHint(size),
        );
      }
      const first = keep === "last" ? start + Math.max(0, length - size) : start;
      padded.set(values.subarray(first, Math.min(first + size, start + length)), row * size);
    }
    return padded;
  }

  /** What to do about lists of text that are to be padded. */
  #lengthHint(): HintText {
    const length = this.#request.options.shape?.[0] ?? 20;
    return hint(
      "column/text-length",
      `write \`ids: train\` and \`length: ${length}\` in place of \`shape\` and \`pad\`: empty places are −1 then`,
      { set: { "../ids": "train", "../length": length }, remove: ["../shape", "."] },
    );
  }

  /** What to do about lists of several lengths. */
  #lengthsHint(size: number): HintText {
    if (!this.#layout.lists.includes(undefined)) {
      return hint("column/one-shape", "write all splits with one schema", {
        edit: "the data file",
      });
    }
    return this.#maker || this.#ids
      ? hint(
        "column/lengths-ids",
        `write \`ids: train\` and \`length: ${size}\`, or make lists of one length`,
        {
          set: { length: size, ...(!this.#maker && { ids: "train" }) },
          remove: ["shape"],
        },
      )
      : hint(
        "column/lengths",
        `write \`pad: 0\` and \`shape: [${size}]\`, to which lists are padded and cut, or make them of one length`,
        { set: { pad: 0, shape: [size] } },
      );
  }

  #refuseNoIds({ type }: Field): void {
    const { column, ids, options: { length } } = this.#request;
    const { lists } = this.#layout;
    if (ids && !canBeIds(this.#layout.leaf)) {
      throw this.#refusal(
        `the column ${column} has the type ${type}, whose values are no ids`,
        hint(
          "column/no-ids",
          "leave out `ids`: ids are made of strings, of whole numbers and of booleans",
          { remove: ["."] },
        ),
        "ids",
      );
    }
    if (length === undefined) return;
    if (!ids) {
      throw this.#refusal(
        `the column ${column} has a length, but nothing says how its values become ids`,
        hint(
          "column/length-ids",
          "write `ids: train` or another; for lists of numbers write `shape: [20]` and `pad: 0` in place of `length`",
          [
            { set: { "../ids": "train" } },
            { set: { "../shape": [20], "../pad": 0 }, remove: ["."] },
          ],
        ),
        "length",
      );
    }
    if (lists.length === 1) return;
    throw this.#refusal(
      `the column ${column} has the type ${type} and cannot have a length`,
      hint("column/no-length", "leave out `length`: it is for lists of ids", { remove: ["."] }),
      "length",
    );
  }

  #shapeByType(field: Field): readonly number[] | undefined {
    const { column, options: { shape, pad } } = this.#request;
    const { lists } = this.#layout;
    if (this.#request.options.length !== undefined) return [this.#request.options.length];
    if (pad !== undefined) {
      const [outer, ...inner] = lists;
      if (lists.length === 0 || outer !== undefined || inner.includes(undefined)) {
        throw this.#refusal(
          `the column ${column} has the type ${field.type}, which cannot be padded`,
          hint(
            "column/no-pad",
            "leave out `pad`: it is for lists whose rows differ in length only at the outermost level",
            { remove: ["."] },
          ),
          "pad",
        );
      }
      if (!shape) {
        throw this.#refusal(
          `the column ${column} is to be padded, but not to which shape`,
          hint("column/pad-shape", "write the length as `shape`, such as shape: [20]", {
            set: { "../shape": [20] },
          }),
          "pad",
        );
      }
    }
    if (lists.includes(undefined)) return shape;
    const { shape: tensor, permutation } = tensorOf(field);
    if (permutation?.some((axis, index) => axis !== index)) {
      throw this.#refusal(
        `the axes of the tensors in the column ${column} are permuted, to [${
          permutation.join(", ")
        }], and their values would be read in another order`,
        hint(
          "column/permuted",
          "write them in the order of their axes, in Python: pyarrow.FixedShapeTensorArray" +
            ".from_numpy_ndarray(numpy.ascontiguousarray(column.to_numpy_ndarray()))",
          { edit: "the data file" },
        ),
      );
    }
    const own = tensor ?? lists as readonly number[];
    if (!shape) return own;
    if (sizeOf(own) !== sizeOf(shape)) {
      throw this.#refusal(
        `the column ${column} has ${sizeOf(own)} values a row, not ${sizeOf(shape)} as the shape [${
          shape.join(", ")
        }]`,
        hint(
          "column/shape",
          `leave out \`shape\`, which is [${own.join(", ")}] by the type ${field.type}`,
          { remove: ["."] },
        ),
        "shape",
      );
    }
    return shape;
  }

  /** The shape by the first row that has one. */
  #shapeByRows(
    bounds: Float64Array,
    nullRows: Uint8Array | undefined,
  ): readonly number[] | undefined {
    const { lists } = this.#layout;
    const inner = lists.slice(1);
    for (let row = 0; row < bounds.length - 1; row++) {
      if (nullRows?.[row]) continue;
      const size = bounds[row + 1]! - bounds[row]!;
      return inner.includes(undefined)
        ? [size]
        : [size / sizeOf(inner as number[]), ...inner as number[]];
    }
    return undefined;
  }

  #refuseOtherFamily(field: Field, like: Field): void {
    const expected = layoutOf(like.type)!.family, { family } = this.#layout;
    if (family === expected) return;
    const { column, ids } = this.#request;
    // Files of whole numbers and files of fractions hold the same kind of numbers.
    if (!ids && isNumeric(family) && isNumeric(expected)) return;
    throw this.#refusal(
      `the column ${column} holds ${family} here (${field.type}) and ${expected} in the training split (${like.type})`,
      hint("column/one-schema", "write both files with one schema", { edit: "a data file" }),
    );
  }

  #lookForNotFinite(values: Values, rows: number, ignored: Uint8Array | undefined): void {
    if (!isFloat(values)) return;
    // 0 times a number is 0 unless it is not finite.
    let sum = 0;
    for (let index = 0; index < values.length; index++) sum += values[index]! * 0;
    // A feature may yet be brought into range by a transform; others are float32 as they are.
    const { use } = this.#request;
    const narrow = values instanceof Float64Array && (use === "label" || use === "weight");
    const fits = (value: number) => Number.isFinite(narrow ? Math.fround(value) : value);
    if (sum === 0 && (!narrow || values.every(fits))) return;
    const size = values.length / rows;
    const marked = new Uint8Array(rows);
    let first: number | undefined;
    for (let index = 0; index < values.length; index++) {
      const row = Math.floor(index / size);
      if (fits(values[index]!) || ignored?.[row]) continue;
      first ??= values[index];
      marked[row] = 1;
    }
    this.#notFinite = this.#counted(this.#notFinite, marked, first);
  }

  #counted(
    before: BadRows | undefined,
    marked: Uint8Array,
    value?: number,
  ): BadRows | undefined {
    let count = 0;
    for (const mark of marked) count += mark;
    if (count === 0) return before;
    if (before) {
      before.count += count;
      return before;
    }
    return { first: this.#row + marked.indexOf(1), count, ...(value !== undefined && { value }) };
  }

  #share(count: number): string {
    return `${count} of ${this.#row} rows ${count === 1 ? "is" : "are"}`;
  }

  #nullHint(): HintText {
    const { use, column, options: { length } } = this.#request;
    const drop: Change = { set: { nulls: "drop" } };
    if (use === "label") {
      return hint(
        "nulls/label",
        `say what becomes of nulls: \`label: { column: ${column}, nulls: drop }\` with the label's other options`,
        drop,
      );
    }
    if (use !== undefined && use !== "feature") return dropHint();
    if (this.#ids || this.#maker && this.#maker.count === undefined) {
      return hint(
        "nulls/text",
        'say what becomes of nulls: `nulls: drop` or `nulls: { fill: "none" }`' +
          (length === undefined ? "" : ", with which a list that is null is empty"),
        [drop, { set: { nulls: { fill: "none" } } }],
      );
    }
    if (this.#dtype === "int32") {
      return hint(
        "nulls/ids",
        "say what becomes of nulls: `nulls: drop` or `nulls: { fill: 0 }`",
        [drop, { set: { nulls: { fill: 0 } } }],
      );
    }
    return hint(
      "nulls/numbers",
      "say what becomes of nulls: `nulls: drop`, `nulls: mean`, `nulls: median` or `nulls: { fill: 0 }`, here or for all features at data",
      [drop, { set: { nulls: "mean" } }, { set: { "/data/nulls": { fill: 0 } } }],
    );
  }

  #notFiniteHint(isNaN: boolean): HintText {
    const { use, column } = this.#request;
    if (!isNaN) {
      return hint(
        "column/infinite",
        "correct the data: a number that is not finite has no place in a net",
        { edit: "the data file" },
      );
    }
    if (use === "label") {
      return hint(
        "nan/label",
        `leave such rows out: \`label: { column: ${column}, nan: missing, nulls: drop }\` with the label's other options`,
        { set: { nan: "missing", nulls: "drop" } },
      );
    }
    return use === undefined || use === "feature"
      ? hint(
        "nan/missing",
        "where NaN stands for a missing number, write `nan: missing`, and what becomes of it: `nulls: drop`, `nulls: mean` or `nulls: { fill: 0 }`",
        [
          { set: { nan: "missing", nulls: "drop" } },
          { set: { nan: "missing", nulls: "mean" } },
          { set: { nan: "missing", nulls: { fill: 0 } } },
        ],
      )
      : hint(
        "nan/other",
        "write nulls in place of numbers that are missing, and `nulls: drop` at data",
        { edit: "the data file" },
      );
  }

  #failUnknown(text: string, row: number): never {
    return this.#fail(
      row,
      `has the value ${JSON.stringify(text)}, which is none of the ${this.#ids!.size} known ones`,
      this.#unknownHint(),
    );
  }

  #unknownHint(): HintText {
    const { text } = this.#request;
    const ids = hint(
      "column/unknown",
      `write \`ids: train\`, where all values that training rows lack are one id; known are ${
        listed([...this.#ids!.keys()])
      }`,
      { set: { ids: "train" } },
    );
    if (!text || !mayBeNumbers(text)) return ids;
    return joinHints(this.#numberHint(text), ids);
  }

  #where(row: number): string {
    return this.#request.where?.(row) ?? `row ${row}`;
  }

  #inRow(row: number, message: string): string {
    return `${this.#where(row)}, column ${this.#request.column}: ${message} (rows count from 0)`;
  }

  #fail(row: number, message: string, hint?: HintText): never {
    throw new UserError(this.#inRow(this.#row + row, message), {
      place: this.#request.place(),
      hint,
    });
  }

  #refusal(message: string, hint: HintText, option?: string): UserError {
    return new UserError(message, { place: this.#request.place(option), hint, exitCode: 2 });
  }
}

/** What to do about nulls of columns that are no features. */
const dropHint = () =>
  hint("nulls/drop", "leave such rows out: `nulls: drop` at data", {
    set: { "/data/nulls": "drop" },
  });

const isFloat = (values: Values): values is Float32Array | Float64Array =>
  values instanceof Float32Array || values instanceof Float64Array;

const isNumeric = (family: Family) => family === "whole numbers" || family === "numbers";

/** Whether nulls become what is measured of the training rows. */
export const isMeasured = (nulls: NullPolicy): nulls is "mean" | "median" =>
  nulls === "mean" || nulls === "median";

/** How many values a shape has. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** What Arrow's own extension type for tensors says, if the column has it. */
function tensorOf({ metadata }: Field): {
  readonly shape?: readonly number[];
  readonly permutation?: readonly number[];
} {
  if (metadata.get("ARROW:extension:name") !== "arrow.fixed_shape_tensor") return {};
  const { shape, permutation } = JSON.parse(metadata.get("ARROW:extension:metadata") ?? "{}");
  return {
    ...(Array.isArray(shape) && { shape }),
    ...(Array.isArray(permutation) && { permutation }),
  };
}

const fillOf = (nulls: NullPolicy) => typeof nulls === "object" ? nulls.fill : undefined;

const isInt32 = (value: number) => (value | 0) === value;

const fitsInt32 = (array: ValuesConstructor) =>
  array === Int8Array || array === Uint8Array || array === Int16Array || array === Uint16Array ||
  array === Int32Array;
