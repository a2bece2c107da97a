import type { Data, Field } from "apache-arrow";
import { DataType } from "apache-arrow";
import type { FeatureOptions, NullPolicy } from "../pipeline/data_options.ts";
import { isAllocationFailure } from "../base/machine/allocation_failure.ts";
import { type Place, type Problem, UserError } from "../base/errors.ts";
import { type Change, hint, type HintText, joinHints } from "../base/hints.ts";
import { yamlQuoted } from "../base/quoted.ts";
import type { ColumnSpec, TextColumn, Values } from "../stages/batch.ts";
import { mayBeNumbers } from "../stages/source.ts";
import {
  arrayOf,
  canBeIds,
  decode,
  type Decoding,
  type DecodingMemory,
  type Family,
  flatten,
  isNull,
  isTimestamp,
  type Layout,
  layoutOf,
  supportedTypes,
  type ValuesConstructor,
} from "./layout.ts";
import { type IdCounts, IdMaker, type IdRequest, idsOf, isTrainingIds, PADDING } from "./ids.ts";
import { lastAtMost } from "./bounds.ts";
import { Occurrences } from "./occurrences.ts";
import { listed } from "../base/listed.ts";
import { indexesOf, LargeMap } from "../base/large_map.ts";
import { NumberMemo, TextMemo, textMemoOf } from "./memo.ts";
import { ImageReader } from "./images/reader.ts";
import { type ColumnText, looksLikeNumber, textOf } from "./texts.ts";

/** The purpose for which a column is read. */
export type ColumnUse = "feature" | "label" | "metrics" | "weight" | "teacher";

/** The options that determine how a column is read, such as its shape and how nulls are handled. */
export type ColumnOptions = Omit<FeatureOptions, "column" | "ids" | "nulls"> & {
  /** How nulls are handled. */
  readonly nulls: NullPolicy;
};

/** A column to read, and how to read it. */
export interface ColumnRequest {
  /** The column's name. */
  readonly column: string;
  /** The purpose of the column; a feature by default. */
  readonly use?: ColumnUse | undefined;
  /** The name of the label, if there are several. */
  readonly label?: string | undefined;
  /** The options with which it is read. */
  readonly options: ColumnOptions;
  /** The options for ids, if the pipeline has any. */
  readonly ids?: IdRequest | undefined;
  /** The column of the training split, if another split is read. */
  readonly like?: { readonly spec: ColumnSpec; readonly field: Field } | undefined;
  /** Returns the class of a value, for a label that has classes. */
  readonly classOf?: ((value: string | number | bigint, row: number) => number) | undefined;
  /** Facts about the column from the sources, if it is text. */
  readonly text?: ColumnText | undefined;
  /** Describes the position of a row in messages; by default its number. */
  readonly where?: ((row: number) => string) | undefined;
  /** Returns the place of the column, or of one of its options, in the pipeline file. */
  readonly place: (option?: string) => Place | undefined;
}

/** A column's values in one record batch. */
export interface ColumnChunk {
  /** The values of all rows: a view of the file if its layout allows. They must not be modified. */
  readonly values: Values;
  /** 1 for rows that are dropped because of a null; undefined if there are none. */
  readonly dropped: Uint8Array | undefined;
  /**
   * The fill value of null lists, if all rows so far are null and the length of lists is not known.
   * `values` is then empty until {@linkcode ColumnReader.shaped} completes the chunk.
   */
  readonly unshaped?: number | undefined;
  /** For labels whose numbers of values per row are known only after all rows were read. */
  readonly labels?: LabelWidths | undefined;
}

/** How many values each label has per row in a chunk. They may differ from chunk to chunk. */
export interface LabelWidths {
  /** The number of rows. */
  readonly rows: number;
  /** The number of values per row of each label, in order. They are side by side. */
  readonly widths: readonly number[];
}

/** Rows with values that are refused. */
interface BadRows {
  /** The first such row. */
  readonly first: number;
  /** The value of that row, if it is not null. */
  readonly value?: number;
  /** The number of such rows. */
  count: number;
}

/**
 * Reads one column of a source, record batch by record batch, as typed arrays.
 *
 * Numbers keep their array type from the file. Booleans become 0 and 1; half floats become floats;
 * 64-bit integers and decimals become doubles; dates, timestamps, times and durations become
 * seconds as doubles. Strings become ids: their positions among the sorted strings of the training
 * split. Nulls that a mean or median will replace are returned as NaN.
 *
 * Nulls and numbers that are not finite are counted, and {@linkcode ColumnReader.problems} returns
 * them after all rows were read. Other problems are thrown immediately.
 */
export class ColumnReader {
  readonly #request: ColumnRequest;
  readonly #layout: Layout;
  readonly #dtype: ColumnSpec["dtype"];
  readonly #array: ValuesConstructor;
  /** The ids of strings without `ids:`. */
  readonly #ids: LargeMap<string, number> | undefined;
  readonly #maker: IdMaker | undefined;
  /** How often strings without `ids:` occur. */
  readonly #occurrences = new Occurrences();
  readonly #open: boolean;
  readonly #unit: ColumnSpec["unit"];
  /** Large whole numbers in a column of metrics that doubles cannot represent, by order. */
  readonly #large: LargeMap<string, number>;
  #text: { readonly row: number; readonly value: string; readonly number: boolean } | undefined;
  #nulls: BadRows | undefined;
  #notFinite: BadRows | undefined;
  /** The number of rows with null lists of unknown length, by their fill value. */
  readonly #untallied = new Map<number, number>();
  #known: readonly string[] | undefined;
  /** Decodes the column if it has images or raw pixels. */
  readonly #images: ImageReader | undefined;
  readonly #memory: DecodingMemory;
  #shape: readonly number[] | undefined;
  #row = 0;

  /**
   * Checks whether a column's type is compatible with its options.
   *
   * @param field The column's name and type.
   * @param request The purpose and options of the column.
   * @throws {UserError} If the type is not compatible with the options.
   */
  constructor(field: Field, request: ColumnRequest) {
    this.#request = request;
    const { options, like } = request;
    const layout = layoutOf(field.type);
    if (!layout) {
      throw this.#refusal(
        `the column ${request.column} has the type ${field.type}, which cannot be read`,
        hint("column/type", `use one of these types: ${supportedTypes}`, {
          edit: "the column, or another one in its place",
        }),
      );
    }
    this.#layout = layout;
    if (like) this.#refuseOtherFamily(field, like.field);
    this.#refuseNoImages(field);
    this.#refuseNoIds(field);
    const strings = layout.family === "strings";
    const isId = strings || request.ids !== undefined;
    this.#dtype = like?.spec.dtype ?? options.dtype ?? (isId ? "int32" : "float32");
    if (isId && this.#dtype === "float32") {
      throw this.#refusal(
        `the column ${request.column} holds ${layout.family}, which become int32 ids, but \`dtype\` is float32`,
        hint("column/id-dtype", "remove `dtype`", { remove: ["."] }),
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
    const texts = strings && vocabulary && this.#maker?.count === undefined && request.ids
      ? textMemoOf(vocabulary)
      : new TextMemo();
    this.#memory = { texts, numbers: new NumberMemo() };
    this.#ids = strings && !request.ids && !request.classOf
      ? vocabulary ? idsOf(vocabulary, false) as LargeMap<string, number> : new LargeMap()
      : undefined;
    this.#open = this.#ids !== undefined && vocabulary === undefined;
    this.#large = indexesOf(request.use === "metrics" && !strings ? vocabulary ?? [] : []);
    this.#unit = this.#dtype === "float32" && isTimestamp(layout.leaf)
      ? "seconds since 1970"
      : undefined;
    this.#refuseNoMeans();
    this.#checkConstants();
    this.#array = this.#storage();
    this.#shape = like?.spec.shape ?? this.#shapeByType(field);
    if (layout.family !== "images") return;
    this.#images = new ImageReader({
      shape: options.shape,
      // A column that was null in all rows has the shape [0].
      known: this.#shape && sizeOf(this.#shape) > 0 ? this.#shape : undefined,
      options: options.image ?? {},
      fail: (row, message, hint) => this.#fail(row, message, hint),
    });
  }

  /**
   * Reads the column of the next record batch.
   *
   * @param data The column.
   * @returns The column's values.
   * @throws {UserError} If a row has another shape, or a value that does not agree with the
   *   options, or if the rows do not fit in memory.
   */
  read(data: Data): ColumnChunk {
    try {
      return this.#read(data);
    } catch (error) {
      if (!isAllocationFailure(error)) throw error;
      const rows = data.length.toLocaleString("en");
      // Each null takes as much memory as a value.
      return this.#fail(
        0,
        `the values of ${rows} rows of a record batch do not fit in memory`,
        hint(
          "column/memory",
          "write the data file with smaller record batches, or with smaller values, such as smaller images",
          { edit: "the data file" },
        ),
      );
    }
  }

  #read(data: Data): ColumnChunk {
    const { leaf, bounds, nullRows, isPlain } = flatten(this.#images?.read(data) ?? data);
    const rows = data.length;
    // The numbers of an array of doubles would make every loop over the values one of doubles.
    const [from, to] = isPlain ? [0, rows] : [bounds[0]!, bounds[rows]!];
    const { nulls, nan } = this.#request.options;
    const rowOf = (index: number) => isPlain ? index : lastAtMost(bounds, index);
    const decoded = decode(leaf, from, to, this.#decoding(rowOf));
    const nullValues = leaf.nullCount > 0 && !DataType.isFixedSizeBinary(leaf.type);
    const nanValues = nan === "missing" && isFloat(decoded.values) && decoded.values.some(isNaN);
    const isMissing = (index: number) =>
      nullValues && isNull(leaf, index) || nanValues && isNaN(decoded.values[index - from]!);
    let values = this.#stored(decoded.values, (index) => {
      if (isMissing(from + index)) return 0;
      return this.#fail(
        rowOf(from + index),
        `has ${decoded.values[index]}, which is not an int32 number`,
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
    if (!isPlain || this.#shape === undefined || sizeOf(this.#shape) !== 1) {
      values = this.#inRows(values, bounds, nullRows);
    }
    if (this.#shape === undefined) {
      this.#row += rows;
      const unshaped = rows === 0 ? undefined : isMeasured(nulls) ? NaN : fill;
      return { values, dropped: dropped?.includes(1) ? dropped : undefined, unshaped };
    }
    if (nullRows && !dropped) {
      const size = values.length / rows;
      // A null list of ids becomes an empty list, not a list full of the fill value.
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
   * Counts the ids of a record batch, without rows that are dropped.
   *
   * @param chunk A chunk from {@linkcode ColumnReader.read}.
   * @param rows The number of rows in the chunk.
   * @param dropped 1 for rows that are dropped because of any column.
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
   * Completes a chunk after all rows were read.
   *
   * @param chunk A chunk from {@linkcode ColumnReader.read}.
   * @param rows The number of rows in the chunk.
   */
  shaped(chunk: ColumnChunk, rows: number): ColumnChunk {
    const { unshaped, dropped } = chunk;
    if (unshaped === undefined) return chunk;
    const values = new this.#array(rows * sizeOf(this.#shape ?? [0])).fill(unshaped);
    return { values, dropped };
  }

  /** The counts of values after ids are final; undefined for ids without a vocabulary. */
  get idCounts(): IdCounts | undefined {
    if (!this.#open) return this.#maker?.counts;
    let once = 0;
    for (const id of this.#ids!.values()) once += Number(this.#occurrences.of(id) === 1);
    return { values: this.#occurrences.total, unknown: 0, once };
  }

  /**
   * Returns the problems of the rows so far: nulls, and numbers that are not finite.
   *
   * @returns A problem for each kind, with the first row and the number of rows.
   */
  problems(): Problem[] {
    const problems: Problem[] = [];
    if (this.#nulls) {
      const { first, count } = this.#nulls;
      problems.push({
        message: this.#inRow(first, `is null; ${this.#share(count)} a null`),
        place: this.#request.place(),
        hint: this.#nullHint(),
      });
    }
    if (this.#notFinite) {
      const { first, value, count } = this.#notFinite;
      problems.push({
        message: this.#inRow(
          first,
          `has ${value}; ${this.#share(count)} a number that is not finite${
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
   * Makes ids final after all record batches were read.
   *
   * @param chunks The chunks from {@linkcode ColumnReader.read}.
   * @param lender The feature that defines the vocabulary, if it is another one.
   * @returns The spec of the column.
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
      // Ids were decoded into new arrays, which may be modified.
      for (let index = 0; index < values.length; index++) {
        values[index] = final[values[index]!] ?? 0;
      }
    }
    return { ...spec, vocabulary, ...(text && { text }) };
  }

  #noShape(): UserError {
    const { column } = this.#request;
    if (this.#images) {
      return this.#refusal(
        `the column ${column} has null in all rows, so the size of its images is not known`,
        hint("image/no-size", "give their size as `shape`, such as shape: [32, 32, 3]", {
          set: { shape: [32, 32, 3] },
        }),
      );
    }
    return this.#refusal(
      `the column ${column} has null in all rows, so the length of its lists is not known`,
      hint("column/no-shape", "give the length of its lists as `shape`, such as shape: [20]", {
        set: { shape: [20] },
      }),
    );
  }

  /** Counts the ids of null lists whose length was not known when they were read. */
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
    // They only have to differ from each other and from other values.
    const distinct = (text: string) => {
      let order = this.#large.get(text);
      if (order === undefined) this.#large.set(text, order = this.#large.size);
      return order;
    };
    const big = (value: bigint, index: number): number => {
      // Other values of this column are whole numbers.
      if (use === "metrics") return distinct(String(value)) + 0.5;
      if (options.dtype === "float32" || use !== undefined && use !== "feature") {
        return Number(value);
      }
      return this.#fail(
        rowOf(index),
        `has ${value}, beyond 2⁵³, where doubles cannot represent all whole numbers exactly`,
        hint(
          "column/large",
          "such numbers are usually ids: write `ids: train` or `ids: { hash: 100000 }`; `dtype: float32` rounds to the nearest float",
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
      const inexact = (text: string, index: number) =>
        fail(index, `has ${text}, which is not a whole number`);
      return { id: key, key, big, inexact, fail };
    }
    if (this.#maker) {
      const booleans = this.#layout.family === "booleans";
      const key = (value: string | number | bigint, index: number) =>
        this.#made(booleans ? String(value === 1) : value, () => rowOf(index));
      const own = booleans ? 0 : this.#maker.own;
      return { id: key, key, big, fail, own, memory: this.#memory };
    }
    const id = (text: string, index: number) =>
      this.#id(text, () => rowOf(index)) ?? this.#failUnknown(text, rowOf(index));
    // Doubles of this size are no values of a decimal or a time.
    const inexact = (text: string) => -1e300 - distinct(text) * 1e290;
    return { id, big, fail, memory: this.#memory, ...use === "metrics" && { inexact } };
  }

  #made(value: string | number | bigint, row: () => number): number {
    return this.#maker!.id(value) ?? this.#fail(
      row(),
      `has ${value}; expected an id from 0 to ${this.#maker!.count! - 1}`,
      this.#countHint(value),
    );
  }

  /** Returns the hint for a number that is not a valid id of a feature with `ids: { count }`. */
  #countHint(value: string | number | bigint): HintText {
    const { borrowed, name } = this.#request.ids!;
    const ids = (made: unknown): Change => ({
      set: { [borrowed ? `../../train/${name}/ids` : "ids"]: made },
    });
    const others = [ids("train"), ids({ hash: 1000 })];
    const words = "map the values to ids: `ids: train` or `ids: { hash: 1000 }`" +
      (borrowed ? ` at the feature ${name}` : "");
    const number = Number(value);
    if (!Number.isSafeInteger(number) || number < 0) return hint("column/no-id", words, others);
    const count = number + 1;
    return hint("column/id-count", `write \`count: ${count}\` or more, or ${words}`, [
      ids({ count }),
      ...others,
    ]);
  }

  /** Returns the hint for a value that is not an int32 number. */
  #int32Hint(): HintText {
    const numbers: Change = { remove: ["dtype"] };
    return canBeIds(this.#layout.leaf)
      ? hint(
        "column/int32-ids",
        "remove `dtype: int32`, or map the values to ids: `ids: train` or `ids: { hash: 1000 }`",
        [numbers, { set: { ids: "train" } }, { set: { ids: { hash: 1000 } } }],
      )
      : hint("column/int32", "remove `dtype: int32`", numbers);
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

  /** Returns the first text of a feature, with a hint if the feature was meant to have numbers. */
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

  /** Returns the hint for a text column that was meant to have numbers, except for some values. */
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
        : hint("text/numbers", "store the column as numbers, or cast it with the source sql", {
          edit: "the data file, or the source",
        });
    }
    const where = `if ${listed(odd)} ${
      odd.length === 1 ? "means" : "mean"
    } that a number is missing, write `;
    if (!hasOptions) {
      return hint(
        "text/missing",
        `${where}nulls in the file, or use \`TRY_CAST(${column} AS DOUBLE)\` with the source sql`,
        { edit: "the data file, or the source" },
      );
    }
    const all = [...nullValues, ...odd];
    const list = all.map((text) => JSON.stringify(text)).join(", ");
    return hint(
      "text/csv-missing",
      `${where}\`nullValues: [${list}]\` ${
        codes ? `and \`columns: { ${column}: float64 }\` ` : ""
      }in the sources of data, and choose how nulls are filled: \`nulls: mean\``,
      {
        set: {
          ...sources("nullValues", all),
          ...codes && sources(`columns/${column}`, "float64"),
          nulls: "mean",
        },
      },
    );
  }

  /** Returns the stored value of a constant that fills nulls or pads lists. */
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
      `no value of the column ${column} occurs at least ${options.minCount} times in the training rows: the most frequent one, ${
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
          this.#layout.family === "strings" ? "text, which has" : "ids, which have"
        } no ${nulls}`,
        this.#layout.family === "strings"
          ? hint("column/text-mean", 'write `nulls: { fill: "none" }` or `nulls: drop`', [
            { set: { ".": { fill: "none" } } },
            { set: { ".": "drop" } },
          ])
          : this.#request.ids
          ? hint("column/id-mean", "write `nulls: drop`", { set: { ".": "drop" } })
          : hint(
            "column/int32-mean",
            "remove `dtype: int32`, or write `nulls: { fill: 0 }` or `nulls: drop`",
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
      `the column ${column} has padded lists, for whose positions no ${nulls} can be measured`,
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
        `the fill value ${JSON.stringify(fill)} for nulls is not an id of the column ${column}`,
        hint("column/fill-id", `write a number from 0 to ${this.#maker.count - 1}`, {
          set: { ".": { fill: 0 } },
        }),
        "nulls",
      );
    }
    const strings = this.#ids !== undefined;
    if (strings && pad !== undefined) {
      throw this.#refusal(
        `the column ${column} holds text, which cannot be padded with ${pad}: this is the id of one of its values`,
        this.#lengthHint(),
        "pad",
      );
    }
    if (typeof nulls === "object") {
      const { fill } = nulls;
      if (strings !== (typeof fill === "string")) {
        throw this.#refusal(
          `the column ${column} holds ${this.#layout.family}; nulls cannot be filled with ${
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
          `the fill value ${
            JSON.stringify(fill)
          } for nulls does not occur in the training rows of the column ${column}`,
          hint(
            "column/fill-known",
            `use a fill value that occurs in the training rows, such as ${
              yamlQuoted([...this.#ids!.keys()][0]!)
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
        `\`${option}\` of the column ${column} has ${value}; expected an int32 number, like the column's values`,
        hint("column/whole", "write a whole number, such as 0", {
          set: { ".": option === "pad" ? 0 : { fill: 0 } },
        }),
        option,
      );
    }
  }

  /** Returns the array type for values: that of the file if it can represent all of them. */
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

  /**
   * Converts values to the array type; calls `refuse` for each value that is not an int32 number.
   */
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

  /** Returns values in rows of one size; rows of other sizes are padded or cut. */
  #inRows(values: Values, bounds: Float64Array, nullRows: Uint8Array | undefined): Values {
    const rows = bounds.length - 1, from = bounds[0]!;
    const { pad } = this.#request.options;
    this.#shape ??= this.#images ? this.#images.shape : this.#shapeByRows(bounds, nullRows);
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
          `has ${length} values; expected ${size} for the shape [${this.#shape}]`,
          this.#lengthsHint(size),
        );
      }
      const first = keep === "last" ? start + Math.max(0, length - size) : start;
      padded.set(values.subarray(first, Math.min(first + size, start + length)), row * size);
    }
    return padded;
  }

  /** Returns the hint for lists of text with `pad`. */
  #lengthHint(): HintText {
    const length = this.#request.options.shape?.[0] ?? 20;
    return hint(
      "column/text-length",
      `write \`ids: train\` and \`length: ${length}\` instead of \`shape\` and \`pad\`; empty positions then have the id −1`,
      { set: { "../ids": "train", "../length": length }, remove: ["../shape", "."] },
    );
  }

  /** Returns the hint for lists of different lengths. */
  #lengthsHint(size: number): HintText {
    if (this.#request.use === "teacher") {
      return hint("teacher/lengths", "give each row a list with one number for each class", {
        edit: "the data file",
      });
    }
    if (!this.#layout.lists.includes(undefined)) {
      return hint("column/one-shape", "write all splits with the same schema", {
        edit: "the data file",
      });
    }
    return this.#maker || this.#ids
      ? hint(
        "column/lengths-ids",
        `write \`ids: train\` and \`length: ${size}\`, or make all lists the same length`,
        {
          set: { length: size, ...(!this.#maker && { ids: "train" }) },
          remove: ["shape"],
        },
      )
      : hint(
        "column/lengths",
        `write \`pad: 0\` and \`shape: [${size}]\` to pad and cut all lists to this shape, or make all lists the same length`,
        { set: { pad: 0, shape: [size] } },
      );
  }

  #refuseNoIds({ type }: Field): void {
    const { column, ids, options: { length } } = this.#request;
    const { lists } = this.#layout;
    if (ids && (this.#layout.family === "images" || !canBeIds(this.#layout.leaf))) {
      throw this.#refusal(
        `the column ${column} has the type ${type}, whose values cannot become ids`,
        hint(
          "column/no-ids",
          "remove `ids`: only strings, whole numbers and booleans can become ids",
          { remove: ["."] },
        ),
        "ids",
      );
    }
    if (length === undefined) return;
    if (!ids) {
      throw this.#refusal(
        `the column ${column} has \`length\` but no \`ids\`: only lists of ids can have a length`,
        hint(
          "column/length-ids",
          "write `ids: train`; for lists of numbers, write `shape: [20]` and `pad: 0` instead of `length`",
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
      `the column ${column} has the type ${type}, for which \`length\` cannot be used`,
      hint("column/no-length", "remove `length`: it is only for lists of ids", { remove: ["."] }),
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
            "remove `pad`: it is for lists that differ in length only at the outermost level",
            { remove: ["."] },
          ),
          "pad",
        );
      }
      if (!shape) {
        throw this.#refusal(
          `the column ${column} has \`pad\` but no \`shape\` to pad its lists to`,
          hint("column/pad-shape", "give the length of the lists as `shape`, such as shape: [20]", {
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
        `the axes of the tensors in the column ${column} are permuted to [${
          permutation.join(", ")
        }], so their values would be read in the wrong order`,
        hint(
          "column/permuted",
          "write the tensors in the order of their axes; in Python: pyarrow.FixedShapeTensorArray" +
            ".from_numpy_ndarray(numpy.ascontiguousarray(column.to_numpy_ndarray()))",
          { edit: "the data file" },
        ),
      );
    }
    const own = tensor ?? lists as readonly number[];
    if (!shape) return own;
    if (sizeOf(own) !== sizeOf(shape)) {
      throw this.#refusal(
        `the column ${column} has ${sizeOf(own)} values per row, but the shape [${
          shape.join(", ")
        }] has ${sizeOf(shape)}`,
        hint(
          "column/shape",
          `remove \`shape\`: the type ${field.type} has the shape [${own.join(", ")}]`,
          { remove: ["."] },
        ),
        "shape",
      );
    }
    return shape;
  }

  /** Returns the shape of the first row that is not null. */
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

  /** Rejects uses and options that images do not have, and options of images for other columns. */
  #refuseNoImages({ type }: Field): void {
    const { column, use = "feature", like, options: { image, pad } } = this.#request;
    if (this.#layout.family !== "images") {
      // A model of images accepts decoded pixels as well.
      if (image === undefined || like) return;
      throw this.#refusal(
        `the column ${column} has the type ${type}, which has no images`,
        hint("image/none", "remove `image`", { remove: ["."] }),
        "image",
      );
    }
    if (use !== "feature") {
      throw this.#refusal(
        `the column ${column} has the type ${type}, which can only be a feature`,
        hint("image/use", "name a column with one number, boolean or string per row", {
          edit: "the column, or another one in its place",
        }),
      );
    }
    if (pad === undefined) return;
    throw this.#refusal(
      `the column ${column} has images, which cannot be padded`,
      hint("image/pad", "remove `pad`", { remove: ["."] }),
      "pad",
    );
  }

  #refuseOtherFamily(field: Field, like: Field): void {
    const expected = layoutOf(like.type)!.family, { family } = this.#layout;
    if (family === expected) return;
    const { column, ids } = this.#request;
    // Columns of whole numbers, of fractions, and of pixels can be mixed.
    if (!ids && isNumeric(family) && isNumeric(expected)) return;
    throw this.#refusal(
      `the column ${column} holds ${family} in this split (${field.type}), but ${expected} in the training split (${like.type})`,
      hint("column/one-schema", "write both files with the same schema", { edit: "a data file" }),
    );
  }

  #lookForNotFinite(values: Values, rows: number, ignored: Uint8Array | undefined): void {
    if (!isFloat(values)) return;
    // 0 times a number is 0 only if the number is finite.
    let sum = 0;
    for (let index = 0; index < values.length; index++) sum += values[index]! * 0;
    // A transform may still scale a feature down; labels and weights become float32 directly.
    const { use = "feature" } = this.#request;
    const narrow = values instanceof Float64Array && use !== "feature" && use !== "metrics";
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
    return `${count} of ${this.#row} rows ${count === 1 ? "has" : "have"}`;
  }

  #nullHint(): HintText {
    const { use, column, options: { length } } = this.#request;
    const drop: Change = { set: { nulls: "drop" } };
    if (use === "label") return labelNullHint(column, this.#request.label);
    if (use !== undefined && use !== "feature") return dropHint();
    if (this.#ids || this.#maker && this.#maker.count === undefined) {
      return hint(
        "nulls/text",
        'choose how to handle nulls: `nulls: drop` or `nulls: { fill: "none" }`' +
          (length === undefined ? "" : ", which turns a null list into an empty list"),
        [drop, { set: { nulls: { fill: "none" } } }],
      );
    }
    if (this.#dtype === "int32") {
      return hint(
        "nulls/ids",
        "choose how to handle nulls: `nulls: drop` or `nulls: { fill: 0 }`",
        [drop, { set: { nulls: { fill: 0 } } }],
      );
    }
    return hint(
      "nulls/numbers",
      "choose how to handle nulls: `nulls: drop`, `nulls: mean`, `nulls: median` or `nulls: { fill: 0 }`, at this feature or for all features in data",
      [drop, { set: { nulls: "mean" } }, { set: { "/data/nulls": { fill: 0 } } }],
    );
  }

  #notFiniteHint(isNaN: boolean): HintText {
    const { use, column } = this.#request;
    if (!isNaN) {
      return hint(
        "column/infinite",
        "correct the data: nets need finite numbers",
        { edit: "the data file" },
      );
    }
    if (use === "label") return nanLabelHint(column);
    return use === undefined || use === "feature"
      ? hint(
        "nan/missing",
        "if NaN means that a number is missing, write `nan: missing`, and choose how to handle it: `nulls: drop`, `nulls: mean` or `nulls: { fill: 0 }`",
        [
          { set: { nan: "missing", nulls: "drop" } },
          { set: { nan: "missing", nulls: "mean" } },
          { set: { nan: "missing", nulls: { fill: 0 } } },
        ],
      )
      : hint(
        "nan/other",
        "write nulls instead of missing numbers, and `nulls: drop` in data",
        { edit: "the data file" },
      );
  }

  #failUnknown(text: string, row: number): never {
    return this.#fail(
      row,
      `has the value ${JSON.stringify(text)}, which is not among the ${
        this.#ids!.size
      } values of the training rows`,
      this.#unknownHint(),
    );
  }

  #unknownHint(): HintText {
    const { text } = this.#request;
    const ids = hint(
      "column/unknown",
      `write \`ids: train\`, which gives all unknown values one id; the known values are ${
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

/**
 * Returns the hint for nulls in a label.
 *
 * @param column The label's column.
 * @param name The label's name, if there are several.
 */
export function labelNullHint(column: string, name: string | undefined): HintText {
  const drop: Change = { set: { nulls: "drop" } };
  return name === undefined
    ? hint(
      "nulls/label",
      `choose how to handle nulls: \`label: { column: ${column}, nulls: drop }\` with the label's other options`,
      drop,
    )
    : hint(
      "nulls/labels",
      `choose how to handle nulls: \`${name}: { column: ${column}, nulls: mask }\` with the label's other options, or \`nulls: drop\``,
      [{ set: { nulls: "mask" } }, drop],
    );
}

/**
 * Returns the hint for NaN in a label.
 *
 * @param column The label's column.
 */
export function nanLabelHint(column: string): HintText {
  return hint(
    "nan/label",
    `drop such rows: \`label: { column: ${column}, nan: missing, nulls: drop }\` with the label's other options`,
    { set: { nan: "missing", nulls: "drop" } },
  );
}

/** Returns the hint for nulls in columns that are not features. */
const dropHint = () =>
  hint("nulls/drop", "drop such rows: write `nulls: drop` in data", {
    set: { "/data/nulls": "drop" },
  });

const isFloat = (values: Values): values is Float32Array | Float64Array =>
  values instanceof Float32Array || values instanceof Float64Array;

const isNumeric = (family: Family) =>
  family === "whole numbers" || family === "numbers" || family === "images";

/** Checks whether nulls are replaced by a mean or median of the training rows. */
export const isMeasured = (nulls: NullPolicy): nulls is "mean" | "median" =>
  nulls === "mean" || nulls === "median";

/** Returns the number of values in a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/**
 * Returns the shape and permutation of Arrow's extension type for tensors, if the column has it.
 */
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
