import type { Data, Field } from "apache-arrow";
import { DataType } from "apache-arrow";
import type { FeatureOptions } from "../../pipeline/data_options.ts";
import { type Place, UserError } from "../../pipeline/errors.ts";
import type { ColumnSpec, Values } from "../../pipeline/stages/batch.ts";
import {
  arrayOf,
  decode,
  flatten,
  isNull,
  type Layout,
  layoutOf,
  supportedTypes,
  type ValuesConstructor,
} from "./layout.ts";
import { IdMaker, type IdRequest, PADDING } from "./ids.ts";
import { lastAtMost } from "./bounds.ts";

/** What a column is read for. */
export interface ColumnRequest {
  /** The column's name. */
  readonly column: string;
  /** How it is read. */
  readonly options: Omit<FeatureOptions, "column" | "ids">;
  /** How its values become ids, if the pipeline says so. */
  readonly ids?: IdRequest | undefined;
  /** What the column was in the training split, if this is another one. */
  readonly like?: { readonly spec: ColumnSpec; readonly field: Field } | undefined;
  /** The strings that there are, in the order of their ids; by default those that are found. */
  readonly vocabulary?: readonly string[] | undefined;
  /** Where the pipeline file says it, whole or an option of it. */
  readonly place: (option?: string) => Place | undefined;
}

/** A column's values in one record batch. */
export interface ColumnChunk {
  /** The values of all rows: a view of the file where its layout allows. Not to be written to. */
  readonly values: Values;
  /** 1 for rows that are dropped for a null; absent where there are none. */
  readonly dropped: Uint8Array | undefined;
}

/**
 * Reads one column of a source, record batch by record batch, as typed arrays.
 *
 * Numbers keep the array they have in the file. Booleans become 0 and 1; half floats floats; whole
 * numbers of 64 bits and decimals doubles; dates, timestamps, times and durations seconds, as doubles;
 * strings ids, by their position among the sorted strings of the training split.
 */
export class ColumnReader {
  readonly #request: ColumnRequest;
  readonly #layout: Layout;
  readonly #dtype: ColumnSpec["dtype"];
  readonly #array: ValuesConstructor;
  readonly #ids: Map<string, number> | undefined;
  readonly #maker: IdMaker | undefined;
  readonly #open: boolean;
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
        `what can be read: ${supportedTypes}`,
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
        "leave out dtype",
        "dtype",
      );
    }
    const vocabulary = like?.spec.vocabulary ?? request.vocabulary;
    this.#maker = request.ids && new IdMaker(request.ids, !strings, vocabulary);
    this.#ids = strings && !request.ids
      ? new Map(vocabulary?.map((text, id) => [text, id]))
      : undefined;
    this.#open = this.#ids !== undefined && vocabulary === undefined;
    this.#checkConstants();
    this.#array = this.#storage();
    this.#shape = like?.spec.shape ?? this.#shapeByType(field);
  }

  /**
   * Reads the column's part of the next record batch.
   *
   * @param data The column.
   * @returns Its values.
   * @throws {UserError} If a row is null, or of another shape, or not a finite number.
   */
  read(data: Data): ColumnChunk {
    const { leaf, bounds, nullRows } = flatten(data);
    const rows = data.length, from = bounds[0]!, to = bounds[rows]!;
    const { nulls } = this.#request.options;
    const nullValues = leaf.nullCount > 0 && !DataType.isFixedSizeBinary(leaf.type);
    const isNullValue = (index: number) => nullValues && isNull(leaf, index);
    const rowOf = (index: number) => lastAtMost(bounds, index);
    const fail = (index: number, message: string): never => this.#fail(rowOf(index), message);
    const id = (text: string, index: number) =>
      this.#maker
        ? this.#made(text, () => rowOf(index))
        : this.#id(text) ?? this.#failUnknown(text, rowOf(index));

    if (nulls === "error" && nullRows?.includes(1)) this.#failNull(nullRows.indexOf(1));
    const decoded = decode(leaf, from, to, { id, fail });
    let values = this.#maker && this.#layout.family !== "strings"
      ? Int32Array.from(
        decoded.values,
        (value, index) =>
          isNullValue(from + index) ? 0 : this.#made(value, () => rowOf(from + index)),
      )
      : this.#stored(decoded.values, (index) => {
        if (isNullValue(from + index)) return 0;
        return fail(from + index, `has ${decoded.values[index]}, which is no int32`);
      });

    const dropped = nulls === "drop" && (nullValues || nullRows)
      ? nullRows?.slice() ?? new Uint8Array(rows)
      : undefined;
    const fill = typeof nulls === "object" ? this.#constant(nulls.fill) : 0;
    if (nullValues) {
      if (decoded.view && values === decoded.values) values = values.slice();
      for (let index = from; index < to; index++) {
        if (!isNull(leaf, index)) continue;
        if (nulls === "error") this.#failNull(rowOf(index));
        if (dropped) dropped[rowOf(index)] = 1;
        values[index - from] = fill;
      }
    }
    values = this.#inRows(values, bounds, nullRows);
    if (nullRows && !dropped) {
      const size = values.length / rows;
      // A list that is to be padded is empty rather than full of one value.
      const all = this.#request.options.length === undefined ? fill : PADDING;
      values = values.slice();
      nullRows.forEach((isNull, row) => {
        if (isNull) values.fill(all, row * size, (row + 1) * size);
      });
    }
    this.#refuseNotFinite(values, rows, dropped);
    this.#row += rows;
    return { values, dropped: dropped?.includes(1) ? dropped : undefined };
  }

  /**
   * Makes ids final, when all record batches were read.
   *
   * @param chunks What {@linkcode ColumnReader.read} returned.
   * @param lender What the feature is whose vocabulary this one has, if it has another one's.
   * @returns What the column is.
   */
  finish(chunks: readonly ColumnChunk[], lender?: ColumnSpec): ColumnSpec {
    const spec = { shape: this.#shape ?? [0], dtype: this.#dtype };
    if (this.#maker) {
      const { count, ...named } = this.#maker.finish(chunks, lender);
      const padded = this.#request.options.length !== undefined;
      return { ...spec, ...named, ids: { count, name: this.#request.ids!.name, padded } };
    }
    if (!this.#ids) return spec;
    const pad = this.#request.options.pad ?? 0;
    if (!this.#open) {
      this.#known ??= [...this.#ids.keys()];
      for (const { values } of chunks) {
        for (let index = 0; index < values.length; index++) {
          if (values[index] === PADDING) values[index] = pad;
        }
      }
      return { ...spec, vocabulary: this.#known };
    }
    const found = [...this.#ids.keys()];
    const vocabulary = found.toSorted();
    const final = new Int32Array(found.length);
    vocabulary.forEach((text, id) => final[this.#ids!.get(text)!] = id);
    for (const { values } of chunks) {
      // Ids were decoded into arrays of our own.
      for (let index = 0; index < values.length; index++) {
        const id = values[index]!;
        values[index] = id === PADDING ? pad : final[id] ?? 0;
      }
    }
    return { ...spec, vocabulary };
  }

  #made(value: string | number, row: () => number): number {
    return this.#maker!.id(value) ?? this.#fail(
      row(),
      `has ${value}; expected an id from 0 to ${this.#maker!.count! - 1}`,
      "correct `count`, or make ids of the values: `ids: train` or `ids: { hash: 1000 }`",
    );
  }

  #id(text: string): number | undefined {
    const known = this.#ids!.get(text);
    if (known !== undefined || !this.#open) return known;
    const id = this.#ids!.size;
    this.#ids!.set(text, id);
    return id;
  }

  /** The constant that fills or pads, as it is stored. */
  #constant(value: number | string): number {
    if (this.#maker) return this.#maker.id(value)!;
    return typeof value === "string" ? this.#id(value)! : value;
  }

  #checkConstants(): void {
    const { column, options: { nulls, pad } } = this.#request;
    if (this.#maker) {
      const fill = fillOf(nulls);
      if (fill === undefined || this.#maker.count === undefined) return;
      if (this.#maker.id(fill) !== undefined) return;
      throw this.#refusal(
        `${JSON.stringify(fill)}, which takes the place of nulls, is no id of ${column}`,
        `write a number from 0 to ${this.#maker.count - 1}`,
        "nulls",
      );
    }
    const strings = this.#ids !== undefined;
    if (typeof nulls === "object") {
      const { fill } = nulls;
      if (strings !== (typeof fill === "string")) {
        throw this.#refusal(
          `the column ${column} holds ${this.#layout.family}; nulls cannot become ${
            JSON.stringify(fill)
          }`,
          strings ? "write a string as fill" : "write a number as fill",
          "nulls",
        );
      }
      if (typeof fill === "string" && this.#id(fill) === undefined) {
        throw this.#refusal(
          `${JSON.stringify(fill)}, which takes the place of nulls, is no value of ${column}`,
          "fill nulls with a value that training rows have",
          "nulls",
        );
      }
    }
    for (const [option, value] of [["pad", pad], ["nulls", fillOf(nulls)]] as const) {
      if (typeof value !== "number" || this.#dtype === "float32" || isInt32(value)) continue;
      throw this.#refusal(
        `${value} is no int32, as the values of ${column} are to be`,
        "write a whole number",
        option,
      );
    }
  }

  /** The array that values are kept in: the file's own if what it is wanted for allows. */
  #storage(): ValuesConstructor {
    const natural = arrayOf(this.#layout.leaf);
    if (this.#dtype === "int32") {
      return fitsInt32(natural) ? natural : Int32Array;
    }
    const { nulls, pad } = this.#request.options;
    const holdsAll = [fillOf(nulls), pad].every((value) =>
      typeof value !== "number" || new natural([value])[0] === value ||
      natural === Float32Array
    );
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
    const fill = this.#ids || this.#maker ? PADDING : pad ?? 0;
    const { length: most, keep } = this.#request.options;
    const padded = new this.#array(rows * size).fill(fill);
    for (let row = 0; row < rows; row++) {
      const start = bounds[row]! - from, length = bounds[row + 1]! - bounds[row]!;
      if (pad === undefined && most === undefined && length !== size && !nullRows?.[row]) {
        this.#fail(
          row,
          `has ${length} values; expected ${size}, the shape [${this.#shape}]`,
          this.#layout.lists.includes(undefined)
            ? "write `pad: 0` to pad and cut lists to `shape`, `length` for lists of ids, or make them of one length"
            : "write all splits with one schema",
        );
      }
      const first = keep === "last" ? start + Math.max(0, length - size) : start;
      padded.set(values.subarray(first, Math.min(first + size, start + length)), row * size);
    }
    return padded;
  }

  #refuseNoIds({ type }: Field): void {
    const { column, ids, options: { length } } = this.#request;
    const { family, lists } = this.#layout;
    if (ids && family !== "strings" && family !== "whole numbers") {
      throw this.#refusal(
        `the column ${column} has the type ${type}, whose values are no ids`,
        "ids are made of strings and of whole numbers",
        "ids",
      );
    }
    if (length === undefined) return;
    if (!ids) {
      throw this.#refusal(
        `the column ${column} has a length, but nothing says how its values become ids`,
        "write `ids: train` or another; for lists of numbers write `shape: [20]` and `pad: 0`",
        "length",
      );
    }
    if (lists.length === 1) return;
    throw this.#refusal(
      `the column ${column} has the type ${type} and cannot have a length`,
      "length is for lists of ids",
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
          "pad is for lists whose rows differ in length only at the outermost level",
          "pad",
        );
      }
      if (!shape) {
        throw this.#refusal(
          `the column ${column} is to be padded, but not to which shape`,
          "write the length as `shape`, such as shape: [20]",
          "pad",
        );
      }
    }
    if (lists.includes(undefined)) return shape;
    const own = tensorShape(field) ?? lists as readonly number[];
    if (!shape) return own;
    if (sizeOf(own) !== sizeOf(shape)) {
      throw this.#refusal(
        `the column ${column} has ${sizeOf(own)} values a row, not ${sizeOf(shape)} as the shape [${
          shape.join(", ")
        }]`,
        `its type is ${field.type}`,
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
    const expected = layoutOf(like.type)!.family;
    if (this.#layout.family === expected) return;
    throw this.#refusal(
      `the column ${this.#request.column} holds ${this.#layout.family} here (${field.type}) and ${expected} in the training split (${like.type})`,
      "write both files with one schema",
    );
  }

  #refuseNotFinite(values: Values, rows: number, dropped: Uint8Array | undefined): void {
    if (!(values instanceof Float32Array || values instanceof Float64Array)) return;
    // 0 times a number is 0 unless it is not finite.
    let sum = 0;
    for (let index = 0; index < values.length; index++) sum += values[index]! * 0;
    if (sum === 0) return;
    const size = values.length / rows;
    for (let index = 0; index < values.length; index++) {
      const row = Math.floor(index / size);
      if (Number.isFinite(values[index]) || dropped?.[row]) continue;
      this.#fail(
        row,
        `has ${values[index]}`,
        "write nulls in place of numbers that are missing, and say what becomes of them: `nulls: drop` or `nulls: { fill: 0 }`",
      );
    }
  }

  #failNull(row: number): never {
    return this.#fail(
      row,
      "is null",
      this.#ids
        ? 'say what becomes of nulls: `nulls: drop` or `nulls: { fill: "none" }`'
        : "say what becomes of nulls: `nulls: drop` or `nulls: { fill: 0 }`",
    );
  }

  #failUnknown(text: string, row: number): never {
    return this.#fail(
      row,
      `has the value ${JSON.stringify(text)}, which is none of the ${this.#ids!.size} known ones`,
      `known are ${listed([...this.#ids!.keys()])}`,
    );
  }

  #fail(row: number, message: string, hint?: string): never {
    throw new UserError(
      `row ${this.#row + row} of the column ${this.#request.column} ${message} (rows count from 0)`,
      { place: this.#request.place(), hint },
    );
  }

  #refusal(message: string, hint: string, option?: string): UserError {
    return new UserError(message, { place: this.#request.place(option), hint, exitCode: 2 });
  }
}

/** How many values a shape has. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/**
 * A few of many names.
 *
 * @param names The names.
 */
export function listed(names: readonly string[]): string {
  const most = 12;
  return names.length <= most
    ? names.join(", ")
    : `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}

/** The shape that Arrow's own extension type for tensors says, if the column has it. */
function tensorShape({ metadata }: Field): readonly number[] | undefined {
  if (metadata.get("ARROW:extension:name") !== "arrow.fixed_shape_tensor") return undefined;
  const { shape, permutation } = JSON.parse(metadata.get("ARROW:extension:metadata") ?? "{}");
  const inOrder = permutation?.every((axis: number, index: number) => axis === index) ?? true;
  return Array.isArray(shape) && inOrder ? shape : undefined;
}

const fillOf = (nulls: FeatureOptions["nulls"]) =>
  typeof nulls === "object" ? nulls.fill : undefined;

const isInt32 = (value: number) => (value | 0) === value;

const fitsInt32 = (array: ValuesConstructor) =>
  array === Int8Array || array === Uint8Array || array === Int16Array || array === Uint16Array ||
  array === Int32Array;
