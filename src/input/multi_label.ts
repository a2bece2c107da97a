/**
 * Reads a label of kind `multi-label`: the classes of a row, as a list of their names, or as a list
 * with one 0 or 1 for each class.
 *
 * @module
 */

import type { Data, Field } from "apache-arrow";
import type { LabelOptions } from "../pipeline/data_options.ts";
import { type Problem, UserError } from "../base/errors.ts";
import { hint, type HintText, joinHints } from "../base/hints.ts";
import { yamlName } from "../base/quoted.ts";
import type { LabelSpec, Values } from "../stages/batch.ts";
import { lastAtMost } from "./bounds.ts";
import { Classes, emptyHint } from "./classes.ts";
import { type ColumnChunk, labelNullHint, nanLabelHint } from "./columns.ts";
import type { LabelColumn, LabelContext } from "./label.ts";
import { decode, flatten, isNull, type Layout, layoutOf } from "./layout.ts";
import { NumberMemo, TextMemo } from "./memo.ts";

/** Rows with values that are refused: the first one, and how many there are. */
interface BadRows {
  readonly first: number;
  count: number;
}

/** Reads the column of a label of kind `multi-label`, record batch by record batch. */
export class MultiLabelReader implements LabelColumn {
  readonly kind = "multi-label";
  readonly #field: Field;
  readonly #options: LabelOptions;
  readonly #context: LabelContext;
  readonly #layout: Layout;
  /** `none`: a row with a null has no classes. */
  readonly #nulls: "error" | "drop" | "none";
  /** The classes, if the lists have names. */
  readonly #classes: Classes | undefined;
  readonly #memory = { texts: new TextMemo(), numbers: new NumberMemo() };
  /** The number of names so far, or the length of lists of 0 and 1 if it is known. */
  #width: number | undefined;
  #row = 0;
  #nullRows: BadRows | undefined;

  /**
   * Checks whether the column's type is compatible with the label's options.
   *
   * @param field The column's name and type.
   * @param options The label's options.
   * @param context The place in the pipeline file, the label of the training split, and defaults.
   * @throws {UserError} If the type is not compatible with the options.
   */
  constructor(field: Field, options: LabelOptions, context: LabelContext = {}) {
    this.#field = field;
    this.#options = options;
    this.#context = context;
    this.#layout = this.#layoutOf(field);
    const { nulls = context.nulls === "drop" ? "drop" : "error" } = options;
    if (typeof nulls === "object" && typeof nulls.fill !== "object") {
      throw this.#refusal(
        `the fill value ${JSON.stringify(nulls.fill)} for nulls is not a list, as the label ` +
          `${options.column} has`,
        hint("multi-label/fill", "write `nulls: { fill: [] }`: a row with a null has no classes", {
          set: { "nulls/fill": [] },
        }),
      );
    }
    this.#nulls = typeof nulls === "object" ? "none" : nulls;
    const { like } = context, { classes } = options;
    if (this.#layout.family === "strings") {
      this.#classes = new Classes("multi-label", "strings", options, {
        place: context.place,
        like: like?.spec,
        where: (row) => this.#where(row),
      });
      this.#width = 0;
      return;
    }
    const [length] = this.#layout.lists;
    const given = like?.spec.classes ?? (Array.isArray(classes) ? classes.length : classes);
    this.#width = given as number | undefined ?? length;
    if (this.#width !== undefined && length !== undefined && length !== this.#width) {
      throw this.#refusal(
        `the lists of the label ${options.column} have ${length} values, but the label has ` +
          `${this.#width} classes`,
        this.#lengthHint(length),
      );
    }
    if (this.#width !== undefined) this.#refuseOneClass(this.#width);
  }

  #layoutOf({ type }: Field): Layout {
    const { column } = this.#options, layout = layoutOf(type);
    const isList = layout?.lists.length === 1 && layout.family !== "images";
    if (!isList || layout.family === "times") {
      throw this.#refusal(
        `the column ${column} has the type ${type}, but a label of kind multi-label needs a list ` +
          "in each row: names of classes, or one 0 or 1 for each class",
        layout?.family === "strings" && layout.lists.length === 0
          ? hint(
            "multi-label/separator",
            `for a CSV file, write \`columns: { ${yamlName(column)}: { separator: "|", type: ` +
              "string } }` in the sources, with the separator of the file",
            { edit: "the sources" },
          )
          : hint(
            "multi-label/type",
            "name a column of lists; if each class has a column of its own, name these columns in " +
              "`labels`, with `kind: binary`",
            { edit: "the label's column" },
          ),
      );
    }
    const like = this.#context.like && layoutOf(this.#context.like.field.type);
    if (like && (like.family === "strings") !== (layout.family === "strings")) {
      throw this.#refusal(
        `the column ${column} holds ${layout.family} in this split (${type}), but ${like.family} ` +
          "in the training split",
        hint("multi-label/one-schema", "write both files with the same schema", {
          edit: "a data file",
        }),
      );
    }
    return layout;
  }

  read(data: Data): ColumnChunk {
    const { leaf, bounds, nullRows } = flatten(data), rows = data.length;
    const missing = nullRows?.slice() ?? new Uint8Array(rows);
    for (let row = 0; leaf.nullCount > 0 && row < rows; row++) {
      for (let at = bounds[row]!; at < bounds[row + 1]!; at++) {
        if (isNull(leaf, at)) missing[row] = 1;
      }
    }
    const values = this.#classes
      ? this.#named(leaf, bounds, missing)
      : this.#indicators(leaf, bounds, missing);
    const first = missing.indexOf(1), width = this.#width ?? 0;
    if (first >= 0 && this.#nulls === "error") {
      this.#nullRows ??= { first: this.#row + first, count: 0 };
      this.#nullRows.count += missing.filter(Boolean).length;
    }
    this.#row += rows;
    const dropped = first >= 0 && this.#nulls === "drop" ? missing : undefined;
    return { values, dropped, labels: { rows, widths: [width] } };
  }

  /** Reads lists of names. */
  #named(leaf: Data, bounds: Float64Array, missing: Uint8Array): Values {
    const classes = this.#classes!, rows = missing.length, isWhole = !missing.includes(1);
    const idsOf = (from: number, to: number, rowOf: (index: number) => number) =>
      decode(leaf, bounds[from]!, bounds[to]!, {
        id: (text, index) => {
          const id = classes.id(text, this.#row + rowOf(index));
          this.#width = Math.max(this.#width!, id + 1);
          return id;
        },
        big: Number,
        fail: (index, message) => this.#fail(rowOf(index), message),
        memory: this.#memory,
      }).values;
    // Lists that are null may have values, which must not become classes.
    const ids = isWhole ? idsOf(0, rows, (index) => lastAtMost(bounds, index)) : Array.from(
      { length: rows },
      (_, row) => missing[row] ? [] : idsOf(row, row + 1, () => row),
    );
    const start = bounds[0]!, width = this.#width!, values = new Uint8Array(rows * width);
    for (let row = 0; row < rows; row++) {
      const own = isWhole
        ? (ids as Values).subarray(bounds[row]! - start, bounds[row + 1]! - start)
        : (ids as readonly ArrayLike<number>[])[row]!;
      for (let at = 0; at < own.length; at++) values[row * width + own[at]!] = 1;
    }
    return values;
  }

  /** Reads lists with one 0 or 1 for each class. */
  #indicators(leaf: Data, bounds: Float64Array, missing: Uint8Array): Values {
    const rows = missing.length, start = bounds[0]!;
    const given = decode(leaf, start, bounds[rows]!, {
      id: () => NaN,
      big: Number,
      fail: (index, message) => this.#fail(lastAtMost(bounds, index), message),
      memory: this.#memory,
    }).values;
    const first = missing.indexOf(0);
    if (this.#width === undefined && first >= 0) {
      this.#width = bounds[first + 1]! - bounds[first]!;
      this.#refuseOneClass(this.#width, first);
    }
    const width = this.#width ?? 0, values = new Uint8Array(rows * width);
    for (let row = 0; row < rows; row++) {
      if (missing[row]) continue;
      const from = bounds[row]! - start, length = bounds[row + 1]! - bounds[row]!;
      if (length !== width) {
        this.#fail(
          row,
          `has ${length} values; expected ${width}, one 0 or 1 for each class`,
          this.#lengthHint(length),
        );
      }
      for (let place = 0; place < width; place++) {
        const value = given[from + place]!;
        if (value === 1) values[row * width + place] = 1;
        else if (Number.isNaN(value) && this.#options.nan === "missing") {
          missing[row] = 1;
          values.fill(0, row * width, (row + 1) * width);
          break;
        } else if (value !== 0) this.#refuseValue(row, value);
      }
    }
    return values;
  }

  #refuseValue(row: number, value: number): never {
    return this.#fail(
      row,
      `has ${value}; expected 0 or 1 for each class`,
      Number.isNaN(value) ? nanLabelHint(this.#options.column) : hint(
        "multi-label/numbers",
        "lists of numbers have one 0 or 1 for each class; to list the classes of a row, write their " +
          `names as text: with the source sql, \`list_transform(${this.#options.column}, x -> ` +
          "x::VARCHAR)\`",
        { edit: "the data file" },
      ),
    );
  }

  #lengthHint(length: number): HintText {
    const { classes } = this.#options;
    return classes === undefined || this.#context.like
      ? hint("multi-label/lengths", "give each row a list with one 0 or 1 for each class", {
        edit: "the data file",
      })
      : hint(
        "multi-label/classes",
        `correct the data, or list ${length} classes in \`classes\``,
        { edit: "the data file, or the list of classes" },
      );
  }

  #refuseOneClass(classes: number, row?: number): void {
    if (classes >= 2) return;
    const { column } = this.#options;
    const message = row === undefined
      ? `the lists of the label ${column} have ${classes === 1 ? "one value" : "no values"}`
      : `${this.#where(this.#row + row)}, column ${column}: has ${
        classes === 1 ? "one value" : "no values"
      } (rows count from 0)`;
    throw this.#refusal(
      `${message}; a label of kind multi-label needs one 0 or 1 for each of two classes or more`,
      hint(
        "multi-label/one-class",
        "correct the data; for a single class, name a column with one 0 or 1 per row, with `kind: " +
          "binary`",
        { edit: "the data file, or the label's column" },
      ),
    );
  }

  shaped(chunk: ColumnChunk): ColumnChunk {
    return chunk;
  }

  problems(): Problem[] {
    const problems = this.#classes?.problems() ?? [];
    if (!this.#nullRows) return problems;
    const { first, count } = this.#nullRows, { column } = this.#options;
    return [{
      message: `${this.#where(first)}, column ${column}: is null, or has a null in its list; ` +
        `${count} of ${this.#row} rows ${count === 1 ? "has" : "have"} a null (rows count from 0)`,
      place: this.#context.place,
      hint: this.#nullHint(),
    }, ...problems];
  }

  finish(chunks: readonly ColumnChunk[]): { spec: LabelSpec; values: Values[] } {
    const { count, vocabulary, places } = this.#classesFound();
    const spec: LabelSpec = {
      shape: [count],
      dtype: "float32",
      ...(vocabulary && { vocabulary }),
      kind: "multi-label",
      classes: count,
    };
    return { spec, values: chunks.map((chunk) => placed(chunk, count, places)) };
  }

  /** Returns the classes, and the final class of each provisional one. */
  #classesFound(): {
    readonly count: number;
    readonly vocabulary?: readonly string[] | undefined;
    readonly places: (id: number) => number;
  } {
    const { classes } = this.#options, { like } = this.#context;
    if (!this.#classes) {
      if (this.#width === undefined) {
        throw this.#refusal("the training split has no rows", emptyHint());
      }
      const names = like?.spec.vocabulary ?? (Array.isArray(classes) ? classes : undefined);
      return { count: this.#width, vocabulary: names, places: (id) => id };
    }
    const final = Int32Array.from({ length: this.#width! }, (_, id) => id);
    const { vocabulary } = this.#classes.finish([final]);
    const count = like?.spec.classes ??
      (typeof classes === "number" ? classes : vocabulary!.length);
    if (count !== vocabulary!.length) {
      throw this.#refusal(
        `the label ${this.#options.column} has ${
          vocabulary!.length
        } classes in the training rows; ` +
          `expected ${count}, the number in \`classes\``,
        hint("multi-label/count", "list the names of all classes in `classes`", {
          edit: "the list of classes",
        }),
      );
    }
    return { count, vocabulary, places: (id) => final[id]! };
  }

  #nullHint(): HintText {
    const { column } = this.#options, { name } = this.#context;
    return joinHints(
      labelNullHint(column, name),
      hint(
        "multi-label/null",
        "if a null means that the row has no classes, write `nulls: { fill: [] }`",
        {
          set: { nulls: { fill: [] } },
        },
      ),
    );
  }

  #where(row: number): string {
    return this.#context.where?.(row) ?? `row ${row}`;
  }

  #fail(row: number, message: string, hint?: HintText): never {
    throw new UserError(
      `${this.#where(this.#row + row)}, column ${this.#field.name}: ${message} (rows count from 0)`,
      { place: this.#context.place, ...(hint && { hint }) },
    );
  }

  #refusal(message: string, hint: HintText): UserError {
    return new UserError(message, { place: this.#context.place, hint, exitCode: 2 });
  }
}

/** Moves the values of a chunk to the places of the final classes. */
function placed(
  { values, labels }: ColumnChunk,
  count: number,
  place: (id: number) => number,
): Values {
  const { rows, widths: [width] } = labels!;
  if (width === count && values instanceof Uint8Array) {
    if (Array.from({ length: count }, (_, id) => id).every((id) => place(id) === id)) return values;
  }
  const moved = new Uint8Array(rows * count);
  for (let row = 0; row < rows; row++) {
    for (let id = 0; id < width!; id++) {
      if (values[row * width! + id] === 1) moved[row * count + place(id)] = 1;
    }
  }
  return moved;
}
