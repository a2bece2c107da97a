import type { Data, Field } from "apache-arrow";
import type { LabelOptions } from "../../pipeline/data_options.ts";
import { type Place, UserError } from "../../pipeline/errors.ts";
import type { LabelSpec, Values } from "../../pipeline/stages/batch.ts";
import { type ColumnChunk, ColumnReader, listed } from "./columns.ts";
import { type Layout, layoutOf } from "./layout.ts";

/** More classes than this are a column of ids rather than a label, unless the file says so. */
const mostFound = 2 ** 16;

/** Reads the label's column: classes and binary labels are checked, and come in one type of array. */
export class LabelReader {
  readonly #options: LabelOptions;
  readonly #like: LabelSpec | undefined;
  readonly #place: Place | undefined;
  readonly #layout: Layout;
  readonly #kind: LabelSpec["kind"];
  readonly #reader: ColumnReader;
  #rows = 0;
  #greatest = -1;
  #outside: { readonly row: number; readonly value: number } | undefined;

  /**
   * Checks the column's type against what is wanted of the label.
   *
   * @param field The column's name and type.
   * @param options What is wanted.
   * @param place Where the pipeline file says it.
   * @param like The label of the training split, if this is another one.
   * @throws {UserError} If the type does not suit.
   */
  constructor(
    field: Field,
    options: LabelOptions,
    place: Place | undefined,
    like?: { readonly spec: LabelSpec; readonly field: Field },
  ) {
    this.#options = options;
    this.#like = like?.spec;
    this.#place = place;
    const layout = layoutOf(field.type);
    if (!layout || layout.lists.length > 0) {
      throw this.#refusal(
        `the label ${options.column} has the type ${field.type}`,
        "a label is one number, boolean or string a row",
      );
    }
    this.#layout = layout;
    const { family } = layout;
    const usual = family === "numbers" || family === "times" ? "number" : "class";
    this.#kind = like?.spec.kind ?? options.kind ?? usual;
    const { classes, nulls } = options;
    const count = Array.isArray(classes) ? classes.length : classes as number | undefined;
    if (this.#kind === "number" && (family === "strings" || count !== undefined)) {
      throw this.#refusal(
        family === "strings"
          ? `the label ${options.column} holds strings, which are no numbers to predict`
          : `the label ${options.column} is a number to predict and has no classes`,
        "write kind: class",
      );
    }
    if (this.#kind === "binary" && count !== undefined && count !== 2) {
      throw this.#refusal(
        `the label ${options.column} is binary and has 2 classes, not ${count}`,
        "write kind: class",
      );
    }
    this.#reader = new ColumnReader(field, {
      column: options.column,
      options: {
        nulls,
        dtype: this.#kind === "number" ? "float32" : "int32",
      },
      like: like && { ...like, spec: { ...like.spec, dtype: storedDtype(like.spec) } },
      vocabulary: Array.isArray(classes) ? classes : undefined,
      place: () => place,
    });
  }

  /**
   * Reads the label's part of the next record batch.
   *
   * @param data The column.
   */
  read(data: Data): ColumnChunk {
    const chunk = this.#reader.read(data);
    // Ids of strings are not final yet, and all of them are classes.
    if (this.#kind !== "number" && this.#layout.family !== "strings") this.#look(chunk);
    this.#rows += data.length;
    return chunk;
  }

  /**
   * Checks the labels, when all record batches were read.
   *
   * @param chunks What {@linkcode LabelReader.read} returned, as far as it was kept.
   * @returns What the label is, and the values of each chunk: an Int32Array for classes, else a
   * Float32Array.
   * @throws {UserError} If a value is no class, or not 0 or 1.
   */
  finish(chunks: readonly ColumnChunk[]): { spec: LabelSpec; values: Values[] } {
    const { vocabulary: found, ...spec } = this.#reader.finish(chunks);
    const { classes: given } = this.#options;
    const names = found ?? this.#like?.vocabulary ?? (Array.isArray(given) ? given : undefined);
    const named = names && { vocabulary: names };
    const arrays = chunks.map(({ values }) => values);
    if (this.#kind === "number") {
      const values = arrays.map((values) => floats(values));
      return { spec: { ...spec, ...named, dtype: "float32", kind: "number", classes: 0 }, values };
    }
    const classes = this.#classes(names);
    this.#refuseOutside(classes, names);
    const shape = { ...spec, ...named, kind: this.#kind, classes };
    return this.#kind === "binary"
      ? { spec: { ...shape, dtype: "float32" }, values: arrays.map((values) => floats(values)) }
      : { spec: { ...shape, dtype: "int32" }, values: arrays.map((values) => ids(values)) };
  }

  /** Keeps the greatest label, and the first that is no class whatever the others are. */
  #look({ values, dropped }: ColumnChunk): void {
    const { classes } = this.#options;
    const given = Array.isArray(classes) ? classes.length : classes as number | undefined;
    const known = this.#like?.classes ?? (this.#kind === "binary" ? 2 : given ?? Infinity);
    for (let row = 0; row < values.length; row++) {
      if (dropped?.[row]) continue;
      const value = values[row]!;
      if (value > this.#greatest) this.#greatest = value;
      if (value < 0 || value >= known) this.#outside ??= { row: this.#rows + row, value };
    }
  }

  #classes(names: readonly string[] | undefined): number {
    const { column, classes: given } = this.#options;
    if (this.#like) return this.#like.classes;
    if (this.#kind === "binary") {
      if (names && names.length !== 2) throw this.#wrongCount(names, 2);
      return 2;
    }
    if (typeof given === "number") {
      if (names && names.length > given) throw this.#wrongCount(names, given);
      return given;
    }
    if (this.#layout.family === "booleans") return 2;
    const classes = names?.length ?? this.#greatest + 1;
    if (classes === 0) {
      throw new UserError("the training split has no rows", {
        place: this.#place,
        hint: "check the file, and whether nulls: drop left any",
      });
    }
    if (classes < 2) {
      throw this.#refusal(
        `the label ${column} has fewer than two classes in the training split`,
        "write how many there are: label: { column, classes: 10 }",
      );
    }
    if (classes > mostFound && !given) {
      throw this.#refusal(
        `the label ${column} has values up to ${classes - 1}, too many for classes`,
        "write kind: number, or how many classes there are: label: { column, classes: 100000 }",
      );
    }
    return classes;
  }

  #wrongCount(names: readonly string[], expected: number): UserError {
    return this.#refusal(
      `the label ${this.#options.column} has ${names.length} values, not ${expected}: ${
        listed(names)
      }`,
      "correct kind or classes, or name the classes in a list",
    );
  }

  #refuseOutside(classes: number, names: readonly string[] | undefined): void {
    if (!this.#outside) return;
    const { row, value } = this.#outside;
    const known = this.#like && !this.#options.classes ? ", as in the training split" : "";
    throw new UserError(
      `row ${row} of the label ${this.#options.column} is ${value}; ` +
        `expected 0 to ${classes - 1}${known} (rows count from 0)`,
      {
        place: this.#place,
        hint: names
          ? `the classes are ${listed(names)}`
          : this.#kind === "binary"
          ? "write kind: class if there are more than two"
          : "correct the data, or write how many classes there are: label: { column, classes }",
      },
    );
  }

  #refusal(message: string, hint: string): UserError {
    return new UserError(message, { place: this.#place, hint, exitCode: 2 });
  }
}

/** Binary labels are checked as whole numbers and handed over as floats. */
const storedDtype = ({ kind }: LabelSpec) => kind === "number" ? "float32" : "int32";

const floats = (values: Values) =>
  values instanceof Float32Array ? values : new Float32Array(values);

const ids = (values: Values) => values instanceof Int32Array ? values : new Int32Array(values);
