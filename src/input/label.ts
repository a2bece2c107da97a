import type { Data, Field } from "apache-arrow";
import type { LabelOptions, NullPolicy } from "../pipeline/data_options.ts";
import { type Place, type Problem, UserError } from "../base/errors.ts";
import { hint, type HintText, joinHints } from "../base/hints.ts";
import type { LabelSpec, Values } from "../stages/batch.ts";
import { Classes, classHint } from "./classes.ts";
import { type ColumnChunk, ColumnReader } from "./columns.ts";
import { type Family, isTimestamp, layoutOf } from "./layout.ts";

/** The kind of one label with one value per row. */
type LabelKind = Exclude<LabelSpec["kind"], "several" | "multi-label">;

/** Reads the column of a label, record batch by record batch. */
export interface LabelColumn {
  /** The kind of the label. */
  readonly kind: LabelSpec["kind"];
  /**
   * Reads the next record batch.
   *
   * @param data The column.
   */
  read(data: Data): ColumnChunk;
  /**
   * Completes a chunk after all rows were read.
   *
   * @param chunk A chunk from {@linkcode LabelColumn.read}.
   * @param rows The number of rows in the chunk.
   */
  shaped(chunk: ColumnChunk, rows: number): ColumnChunk;
  /** Returns the problems of the rows so far. */
  problems(): Problem[];
  /**
   * Finalizes the label after all record batches were read.
   *
   * @param chunks The chunks from {@linkcode LabelColumn.read} that were kept.
   * @returns The label's spec, and the values of each chunk.
   * @throws {UserError} If there are too few classes, or too many.
   */
  finish(chunks: readonly ColumnChunk[]): { spec: LabelSpec; values: Values[] };
}

/** Information that a reader of a label needs in addition to the label's options. */
export interface LabelContext {
  /** The place of the label in the pipeline file. */
  readonly place?: Place | undefined;
  /** The label of the training split, if another split is read. */
  readonly like?: { readonly spec: LabelSpec; readonly field: Field } | undefined;
  /** The default for nulls, if the label has no option of its own. */
  readonly nulls?: NullPolicy | undefined;
  /** The name of the label, if there are several. */
  readonly name?: string | undefined;
  /** Describes the position of a row in messages; by default its number. */
  readonly where?: ((row: number) => string) | undefined;
}

/**
 * Reads the label's column. It checks that the values suit the kind of label, and returns classes
 * as Int32Array and other labels as Float32Array.
 */
export class LabelReader implements LabelColumn {
  readonly #options: LabelOptions;
  readonly #place: Place | undefined;
  readonly #kind: LabelKind;
  readonly #reader: ColumnReader;
  readonly #classes: Classes | undefined;

  /**
   * Checks whether the column's type is compatible with the label's options.
   *
   * @param field The column's name and type.
   * @param options The label's options.
   * @param context The place in the pipeline file, the label of the training split, and defaults.
   * @throws {UserError} If the type is not compatible with the options.
   */
  constructor(field: Field, options: LabelOptions, context: LabelContext = {}) {
    const { place, like, where } = context;
    this.#options = options;
    this.#place = place;
    const layout = layoutOf(field.type);
    if (!layout || layout.lists.length > 0) {
      throw this.#refusal(
        `the column ${options.column} has the type ${field.type}, which cannot be a label`,
        listHint(options.column, layout?.family),
      );
    }
    const { family } = layout;
    const usual = family === "numbers" || family === "times" ? "number" : "class";
    this.#kind = (like?.spec.kind ?? options.kind ?? usual) as LabelKind;
    const { classes } = options;
    const count = Array.isArray(classes) ? classes.length : classes as number | undefined;
    if (this.#kind === "number") this.#refuseNoNumber(family, count, isTimestamp(layout.leaf));
    if (this.#kind === "binary" && count !== undefined && count !== 2) {
      throw this.#refusal(
        `the label ${options.column} is binary, which means 2 classes, but \`classes\` has ${count}`,
        classHint(),
      );
    }
    const row = (number: number) => where?.(number) ?? `row ${number}`;
    this.#classes = this.#kind === "number"
      ? undefined
      : new Classes(this.#kind, family, options, { place, like: like?.spec, where: row });
    const nulls = this.#nullPolicy(
      options.nulls ?? (context.nulls === "drop" ? "drop" : "error"),
    );
    this.#reader = new ColumnReader(field, {
      column: options.column,
      use: "label",
      label: context.name,
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

  get kind(): LabelKind {
    return this.#kind;
  }

  read(data: Data): ColumnChunk {
    return this.#reader.read(data);
  }

  shaped(chunk: ColumnChunk, rows: number): ColumnChunk {
    return this.#reader.shaped(chunk, rows);
  }

  problems(): Problem[] {
    return [...this.#reader.problems(), ...this.#classes?.problems() ?? []];
  }

  /** Returns an Int32Array for classes, and a Float32Array for other labels. */
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
        `the label ${column} has strings, but kind: number needs numbers`,
        hint(
          "label/strings",
          `write kind: class; to predict numbers, store them as numbers (for CSV files, write \`columns: { ${column}: float64 }\` in the sources)`,
          { set: { kind: "class" } },
        ),
      );
    }
    if (count !== undefined) {
      throw this.#refusal(
        `the label ${column} has kind number, which cannot have \`classes\``,
        classHint(),
      );
    }
    if (!timestamp) return;
    throw this.#refusal(
      `the label ${column} has timestamps, which float32 would round to two minutes`,
      hint(
        "label/time",
        `predict a duration: with the source sql, \`epoch(${column}) - epoch(ANOTHER COLUMN)\``,
        { edit: "the source" },
      ),
    );
  }

  #nullPolicy(nulls: NonNullable<LabelOptions["nulls"]>): NullPolicy {
    if (typeof nulls !== "object") return nulls;
    const { fill } = nulls;
    if (typeof fill !== "object") {
      if (this.#classes ? this.#classes.has(fill) : typeof fill === "number") return { fill };
    }
    throw this.#refusal(
      `the fill value ${JSON.stringify(fill)} for nulls is not a ${
        this.#classes ? "class" : "number"
      } of the label ${this.#options.column}`,
      hint("label/fill", "use a valid value of the label as fill, or write nulls: drop", {
        set: { nulls: "drop" },
      }),
    );
  }

  #refusal(message: string, hint: HintText): UserError {
    return new UserError(message, { place: this.#place, hint, exitCode: 2 });
  }
}

/** Returns the hint for a column of lists that is to be a label. */
function listHint(column: string, family: Family | undefined): HintText {
  const type = hint(
    "label/type",
    "use a column with one number, boolean or string per row as the label",
    { edit: "the label's column" },
  );
  if (!family || family === "times" || family === "images") return type;
  const list = hint(
    "label/list",
    `if the lists have the classes of the rows, write \`label: { column: ${column}, kind: multi-label }\``,
    { set: { kind: "multi-label" } },
  );
  return joinHints(type, list);
}

/** Binary labels are read as whole numbers and converted to floats at the end. */
const storedDtype = ({ kind }: LabelSpec) => kind === "number" ? "float32" : "int32";

const floats = (values: Values) =>
  values instanceof Float32Array ? values : new Float32Array(values);

const ids = (values: Values) => values instanceof Int32Array ? values : new Int32Array(values);
