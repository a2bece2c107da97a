import type { Data, Field } from "apache-arrow";
import type { LabelOptions, NullPolicy } from "../pipeline/data_options.ts";
import { type Place, type Problem, UserError } from "../base/errors.ts";
import { hint, type HintText } from "../base/hints.ts";
import type { LabelSpec, Values } from "../stages/batch.ts";
import { Classes, classHint } from "./classes.ts";
import { type ColumnChunk, ColumnReader } from "./columns.ts";
import { isTimestamp, layoutOf } from "./layout.ts";

/** What a label is read with beside its options. */
export interface LabelContext {
  /** Where the pipeline file says it. */
  readonly place?: Place | undefined;
  /** The label of the training split, if this is another one. */
  readonly like?: { readonly spec: LabelSpec; readonly field: Field } | undefined;
  /** What becomes of nulls where the label does not say so. */
  readonly nulls?: NullPolicy | undefined;
  /** Where a row is, in words; its number by default. */
  readonly where?: ((row: number) => string) | undefined;
}

/**
 * Reads the label's column: classes and binary labels are checked, and come in one type of array.
 */
export class LabelReader {
  readonly #options: LabelOptions;
  readonly #place: Place | undefined;
  readonly #kind: LabelSpec["kind"];
  readonly #reader: ColumnReader;
  readonly #classes: Classes | undefined;

  /**
   * Checks the column's type against what is wanted of the label.
   *
   * @param field The column's name and type.
   * @param options What is wanted.
   * @param context What else is known.
   * @throws {UserError} If the type does not suit.
   */
  constructor(field: Field, options: LabelOptions, context: LabelContext = {}) {
    const { place, like, where } = context;
    this.#options = options;
    this.#place = place;
    const layout = layoutOf(field.type);
    if (!layout || layout.lists.length > 0) {
      throw this.#refusal(
        `the label ${options.column} has the type ${field.type}`,
        hint("label/type", "a label is one number, boolean or string a row: name such a column", {
          edit: "the label's column",
        }),
      );
    }
    const { family } = layout;
    const usual = family === "numbers" || family === "times" ? "number" : "class";
    this.#kind = like?.spec.kind ?? options.kind ?? usual;
    const { classes } = options;
    const count = Array.isArray(classes) ? classes.length : classes as number | undefined;
    if (this.#kind === "number") this.#refuseNoNumber(family, count, isTimestamp(layout.leaf));
    if (this.#kind === "binary" && count !== undefined && count !== 2) {
      throw this.#refusal(
        `the label ${options.column} is binary and has 2 classes, not ${count}`,
        classHint(),
      );
    }
    const row = (number: number) => where?.(number) ?? `row ${number}`;
    this.#classes = this.#kind === "number"
      ? undefined
      : new Classes(this.#kind, family, options, { place, like: like?.spec, where: row });
    const nulls = options.nulls ?? (context.nulls === "drop" ? "drop" : "error");
    this.#refuseNoFill(nulls);
    this.#reader = new ColumnReader(field, {
      column: options.column,
      use: "label",
      options: {
        nulls,
        nan: options.nan,
        dtype: this.#kind === "number" ? "float32" : "int32",
      },
      like: like && { ...like, spec: { ...like.spec, dtype: storedDtype(like.spec) } },
      classOf: this.#classes && ((value, row) => this.#classes!.id(value, row)),
      where,
      place: () => place,
    });
  }

  /**
   * Reads the label's part of the next record batch.
   *
   * @param data The column.
   */
  read(data: Data): ColumnChunk {
    return this.#reader.read(data);
  }

  /**
   * A chunk with the values that its rows have, once all rows were read.
   *
   * @param chunk What {@linkcode LabelReader.read} returned.
   * @param rows How many rows it has.
   */
  shaped(chunk: ColumnChunk, rows: number): ColumnChunk {
    return this.#reader.shaped(chunk, rows);
  }

  /** Whether the values are classes, in their order or in that in which they were found. */
  get hasClasses(): boolean {
    return this.#classes !== undefined;
  }

  /** What was wrong with the rows so far. */
  problems(): Problem[] {
    return [...this.#reader.problems(), ...this.#classes?.problems() ?? []];
  }

  /**
   * Makes the labels final, when all record batches were read.
   *
   * @param chunks What {@linkcode LabelReader.read} returned, as far as it was kept.
   * @returns What the label is, and the values of each chunk: an Int32Array for classes, else a
   * Float32Array.
   * @throws {UserError} If there are too few classes, or too many.
   */
  finish(chunks: readonly ColumnChunk[]): { spec: LabelSpec; values: Values[] } {
    const { shape } = this.#reader.finish(chunks);
    const arrays = chunks.map(({ values }) => values);
    if (!this.#classes) {
      const values = arrays.map((values) => floats(values));
      return { spec: { shape, dtype: "float32", kind: "number", classes: 0 }, values };
    }
    const { count: classes, vocabulary } = this.#classes.finish(arrays);
    const spec = { shape, ...(vocabulary && { vocabulary }), kind: this.#kind, classes };
    return this.#kind === "binary"
      ? { spec: { ...spec, dtype: "float32" }, values: arrays.map((values) => floats(values)) }
      : { spec: { ...spec, dtype: "int32" }, values: arrays.map((values) => ids(values)) };
  }

  #refuseNoNumber(family: string, count: number | undefined, timestamp: boolean): void {
    const { column } = this.#options;
    if (family === "strings") {
      throw this.#refusal(
        `the label ${column} holds strings, which are no numbers to predict`,
        hint(
          "label/strings",
          `write kind: class; to predict numbers, write them as numbers (of CSV files: \`columns: { ${column}: float64 }\`)`,
          { set: { kind: "class" } },
        ),
      );
    }
    if (count !== undefined) {
      throw this.#refusal(
        `the label ${column} is a number to predict and has no classes`,
        classHint(),
      );
    }
    if (!timestamp) return;
    throw this.#refusal(
      `the label ${column} holds timestamps, which float32 rounds to two minutes`,
      hint(
        "label/time",
        `predict a duration: with the source sql, \`epoch(${column}) - epoch(ANOTHER COLUMN)\``,
        { edit: "the source" },
      ),
    );
  }

  #refuseNoFill(nulls: NullPolicy): void {
    if (typeof nulls !== "object") return;
    const { fill } = nulls;
    if (this.#classes ? this.#classes.has(fill) : typeof fill === "number") return;
    throw this.#refusal(
      `${JSON.stringify(fill)}, which takes the place of nulls, is no ${
        this.#classes ? "class" : "number"
      } of the label ${this.#options.column}`,
      hint("label/fill", "fill nulls with a value that the label has, or write nulls: drop", {
        set: { nulls: "drop" },
      }),
    );
  }

  #refusal(message: string, hint: HintText): UserError {
    return new UserError(message, { place: this.#place, hint, exitCode: 2 });
  }
}

/** Binary labels are checked as whole numbers and handed over as floats. */
const storedDtype = ({ kind }: LabelSpec) => kind === "number" ? "float32" : "int32";

const floats = (values: Values) =>
  values instanceof Float32Array ? values : new Float32Array(values);

const ids = (values: Values) => values instanceof Int32Array ? values : new Int32Array(values);
