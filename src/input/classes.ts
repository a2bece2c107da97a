import type { LabelOptions } from "../pipeline/data_options.ts";
import { type Place, type Problem, UserError } from "../base/errors.ts";
import { type Change, hint, type HintText } from "../base/hints.ts";
import type { LabelSpec, Values } from "../stages/batch.ts";
import { LargeMap } from "../base/large_map.ts";
import { byValue, type Key, keyOf } from "./ids.ts";
import type { Family } from "./layout.ts";
import { listed } from "../base/listed.ts";

/** The maximum number of classes, unless the pipeline gives their number: ids are not a label. */
const maxFound = 2 ** 16;

/** The maximum number of values that hints write as a list of classes. */
const maxListed = 20;

/** Information that {@linkcode Classes} needs in addition to the options of the label. */
export interface ClassesContext {
  /** The place of the label in the pipeline file. */
  readonly place: Place | undefined;
  /** The label of the training split, if another split is read. */
  readonly like: LabelSpec | undefined;
  /** Describes the position of a row in messages. */
  readonly where: (row: number) => string;
}

/**
 * Maps the values of a label to class numbers.
 *
 * If the pipeline file lists `classes`, the first class of the list has the number 0, the second
 * the number 1, and so on. Otherwise values are sorted: strings by their code units, numbers by
 * size. Whole numbers from 0, and the numbers of a binary label, are their own class numbers.
 */
export class Classes {
  readonly #kind: "class" | "binary" | "multi-label";
  readonly #family: Family;
  readonly #options: LabelOptions;
  readonly #context: ClassesContext;
  /** The number of classes, if each whole number below it is its own class. */
  readonly #range: number | undefined;
  readonly #ids = new LargeMap<Key, number>();
  /** Whether new values become new classes. */
  readonly #open: boolean;
  /** The names of classes, if they are not values of the column. */
  readonly #names: readonly string[] | undefined;
  /** Some of the classes that were found, for hints. */
  readonly #seen = new Set<number>();
  /** Some of the values that are not classes. */
  readonly #unknown = new Set<Key>();
  /** The smallest and the largest value that is not a class, for numbers. */
  #bounds: readonly [least: number, largest: number] = [Infinity, -Infinity];
  #first: { readonly row: number; readonly value: Key } | undefined;

  /**
   * Creates the classes of a label.
   *
   * @param kind The kind of the label.
   * @param family The family of the column's values.
   * @param options The label's options in the pipeline file.
   * @param context The place in the pipeline file, and the label of the training split.
   */
  constructor(
    kind: "class" | "binary" | "multi-label",
    family: Family,
    options: LabelOptions,
    context: ClassesContext,
  ) {
    this.#kind = kind;
    this.#family = family;
    this.#options = options;
    this.#context = context;
    const { classes } = options, { like } = context;
    const list = like?.vocabulary ?? (Array.isArray(classes) ? classes as string[] : undefined);
    const count = like?.classes ?? (typeof classes === "number" ? classes : undefined);
    if (list) {
      const keys = classKeys(family, list);
      if (keys) keys.forEach((key, id) => this.#ids.set(key, id));
      else this.#names = list;
      this.#range = keys ? undefined : list.length;
    } else if (family === "booleans" || kind === "binary" && family !== "strings") {
      this.#range = 2;
    } else if (family !== "strings") {
      this.#range = count;
    }
    this.#open = !list && this.#range === undefined;
  }

  /**
   * Returns the class of a value. It is provisional until {@linkcode Classes.finish} sorts classes.
   *
   * @param value The value: a string for strings, otherwise a number, or a bigint for numbers that
   *   a double cannot represent.
   * @param row The row of the value.
   */
  id(value: string | number | bigint, row: number): number {
    if (this.#range !== undefined && typeof value === "number") {
      if (value >= 0 && value < this.#range && Number.isInteger(value)) {
        if (this.#seen.size <= maxListed) this.#seen.add(value);
        // Minus 0 is class 0.
        return value | 0;
      }
      return this.#refuse(value, row);
    }
    const key = this.#key(value);
    const known = this.#ids.get(key);
    if (known !== undefined) {
      if (!this.#open && this.#seen.size <= maxListed) this.#seen.add(known);
      return known;
    }
    // A negative number may mark a missing label.
    const isNumber = this.#open && this.#family !== "strings";
    if (!this.#open || isNumber && !(Number.isInteger(Number(key)) && Number(key) >= 0)) {
      return this.#refuse(key, row);
    }
    if (this.#ids.size === maxFound && this.#options.classes === undefined) {
      throw this.#refusal(
        `the label ${this.#options.column} has more than ${maxFound} different values, too many for classes`,
        this.#kind === "multi-label" ? manyClassesHint() : hint(
          "label/many",
          "write kind: number, or give the number of classes: label: { column, classes: 100000 }",
          [{ set: { kind: "number" } }, { set: { classes: 100_000 } }],
        ),
      );
    }
    this.#ids.set(key, this.#ids.size);
    return this.#ids.size - 1;
  }

  /**
   * Checks whether a value is a class or can become one.
   *
   * @param value The value, as written in a pipeline file.
   */
  has(value: string | number): boolean {
    if (this.#family === "strings" !== (typeof value === "string")) return false;
    if (this.#range !== undefined) {
      return typeof value === "number" && Number.isInteger(value) && value >= 0 &&
        value < this.#range;
    }
    return this.#open || this.#ids.has(this.#key(value));
  }

  /** Returns the problem of the first value that is not a class, if there is one. */
  problems(): Problem[] {
    if (!this.#first) return [];
    const { column, classes } = this.#options, { like, where, place } = this.#context;
    const { row, value } = this.#first;
    const as = like && classes === undefined ? ", as in the training split" : "";
    return [{
      message: `${where(row)}, column ${column}: the label ${
        typeof value === "string" && this.#family === "strings" ? JSON.stringify(value) : value
      } is not a class; expected ${this.#expected()}${as} (rows count from 0)`,
      place,
      hint: this.#hint(),
    }];
  }

  /**
   * Sorts the classes after all rows were read.
   *
   * @param chunks The classes of all rows, which are changed in place.
   * @returns The number of classes, and their values or names if they are not their own numbers.
   * @throws {UserError} If there are too few classes, or too many.
   */
  finish(
    chunks: readonly Values[],
  ): { count: number; vocabulary?: readonly string[] | undefined } {
    const { classes, column } = this.#options, { like } = this.#context;
    if (this.#names) return { count: this.#names.length, vocabulary: this.#names };
    if (this.#range !== undefined) return { count: this.#range };
    if (!this.#open) {
      const vocabulary = like?.vocabulary ?? classes as readonly string[];
      return { count: vocabulary.length, vocabulary };
    }
    const found = [...this.#ids.keys()];
    const numbers = this.#family !== "strings";
    const sorted = numbers ? found.toSorted(byValue) : found.toSorted();
    if (sorted.length === 0) {
      throw new UserError("the training split has no rows", {
        place: this.#context.place,
        hint: emptyHint(),
      });
    }
    const values = sorted.map(String);
    const most = typeof classes === "number" ? classes : this.#kind === "binary" ? 2 : Infinity;
    if (values.length < 2 && (classes === undefined || this.#kind === "binary")) {
      const both = [...values, numbers ? String(Number(sorted[0]) + 1) : "other"];
      throw this.#refusal(
        `the label ${column} has fewer than two classes in the training split`,
        hint(
          "label/one",
          `list its classes in order, such as label: { column: ${column}, ${this.#ownKind}classes: [${
            listOf(both)
          }] }`,
          this.#setClasses(both),
        ),
      );
    }
    if (values.length > most || this.#kind === "binary" && values.length !== 2) {
      throw this.#refusal(
        `the label ${column} has ${values.length} different values (${
          listed(values)
        }); expected ${most} classes`,
        this.#kind === "binary" && values.length > 2
          ? classHint()
          : values.length <= maxListed
          ? hint(
            "label/names",
            `list the classes in order: label: { column: ${column}, ${this.#ownKind}classes: [${
              listOf(values)
            }] }`,
            this.#setClasses(values),
          )
          : hint("label/count", `write \`classes: ${values.length}\`, or remove \`classes\``, [
            { set: { classes: values.length } },
            { remove: ["classes"] },
          ]),
      );
    }
    const final = new Int32Array(found.length);
    sorted.forEach((key, id) => final[this.#ids.get(key)!] = id);
    if (final.some((id, index) => id !== index)) {
      for (const chunk of chunks) {
        for (let index = 0; index < chunk.length; index++) chunk[index] = final[chunk[index]!] ?? 0;
      }
    }
    const count = typeof classes === "number" ? classes : values.length;
    const plain = numbers && sorted.every((key, id) => key === id);
    return { count, ...(!plain && { vocabulary: values }) };
  }

  /** The option `kind` in hints, if it is needed. */
  get #ownKind(): string {
    return this.#kind === "multi-label" ? "kind: multi-label, " : "";
  }

  #key(value: string | number | bigint): Key {
    return this.#family === "strings" ? String(value) : keyOf(value);
  }

  #refuse(value: Key, row: number): number {
    this.#first ??= { row, value };
    if (this.#unknown.size <= maxListed) this.#unknown.add(value);
    const [least, largest] = this.#bounds, number = Number(value);
    this.#bounds = [Math.min(least, number), Math.max(largest, number)];
    return 0;
  }

  #expected(): string {
    if (this.#range === 2) return "0 or 1";
    if (this.#range !== undefined) return `0 to ${this.#range - 1}`;
    if (this.#open) return "whole numbers from 0";
    return `one of ${listed([...this.#ids.keys()].map(String))}`;
  }

  #hint(): HintText {
    const { column, classes } = this.#options, { like } = this.#context;
    const label = (rest: string) => `label: { column: ${column}, ${this.#ownKind}${rest} }`;
    const unknown = [...this.#unknown];
    if (unknown.some((value) => typeof value === "number" && !Number.isInteger(value))) {
      return hint("label/fractions", `to predict a number, write ${label("kind: number")}`, {
        set: { kind: "number" },
        remove: ["classes"],
      });
    }
    if (this.#names) {
      return hint("label/more-names", "correct the data, or list all classes in `classes`", {
        edit: "the data file, or the list of classes",
      });
    }
    const ids = [...this.#ids.keys()];
    const seen = this.#open
      ? ids
      : [...this.#seen].map((id) => this.#range === undefined ? ids[id]! : id);
    // A new value in another split is a class without training rows.
    const all = like ? [...ids, ...Array.from({ length: this.#range ?? 0 }, (_, id) => id)] : seen;
    const values = [...new Set([...all, ...unknown])];
    const numbers = this.#family !== "strings";
    const sorted = (numbers ? values.toSorted(byValue) : values.toSorted()).map(String);
    if (sorted.length > maxListed) return this.#manyHint(label);
    const list = `classes: [${listOf(sorted)}]`, set = this.#setClasses(sorted);
    if (this.#kind === "binary") {
      return sorted.length === 2
        ? hint(
          "label/two-values",
          `list both values, the positive one last: ${label(`kind: binary, ${list}`)}`,
          set,
        )
        : hint(
          "label/more-values",
          `correct the data; for more than two classes write ${label(`kind: class, ${list}`)}`,
          { set: { ...set.set, kind: "class" } },
        );
    }
    if (this.#open) {
      return hint(
        "label/negative",
        `list all values in order: ${
          label(list)
        }; if a negative number means that the label is missing, replace it with a null`,
        set,
      );
    }
    if (classes === undefined || typeof classes === "number" || like) {
      return hint(
        "label/all-values",
        `correct the data, or list all classes in order: ${label(list)}`,
        set,
      );
    }
    const more = [...classes, ...unknown.map(String)];
    return hint(
      "label/add-values",
      `correct the data, or add the value to the list: ${label(`classes: [${listOf(more)}]`)}`,
      this.#setClasses(more),
    );
  }

  /** Returns the hint for values that are not classes, if there are too many to list them. */
  #manyHint(label: (rest: string) => string): HintText {
    const [least, largest] = this.#bounds, listed = this.#range === undefined && !this.#open;
    if (this.#family !== "strings" && !listed && least >= 0 && Number.isSafeInteger(largest)) {
      const classes = largest + 1;
      return hint(
        "label/range",
        `correct the data, or give the number of classes: ${label(`classes: ${classes}`)}`,
        { set: { classes } },
      );
    }
    return hint("label/data", "correct the data, or list all values in order in `classes`", {
      edit: "the data file, or the list of classes",
    });
  }

  /** Returns the change that sets `classes` to some values; numbers are written as numbers. */
  #setClasses(values: readonly string[]): Change & { readonly set: Record<string, unknown> } {
    const isNumber = (value: string) => this.#family !== "strings" && /^-?\d{1,15}$/.test(value);
    return { set: { classes: values.map((value) => isNumber(value) ? Number(value) : value) } };
  }

  #refusal(message: string, hint: HintText): UserError {
    return new UserError(message, { place: this.#context.place, hint, exitCode: 2 });
  }
}

/**
 * Returns the hint for a label whose `kind` does not fit its values or its option `classes`, such
 * as a binary label with three values.
 */
export function classHint(): HintText {
  return hint("label/class", "write kind: class", { set: { kind: "class" } });
}

/** Returns the hint for a list of names with more classes than are plausible. */
const manyClassesHint = () =>
  hint(
    "multi-label/many",
    "name a column with the names of classes, or list the classes in `classes`",
    { edit: "the label's column" },
  );

/** Returns the hint for a split without rows. */
export function emptyHint(): HintText {
  return hint(
    "data/no-rows",
    "check whether the file has rows, and whether nulls: drop removed all of them",
    { edit: "the data file" },
  );
}

/** Formats values as the items of a YAML list. */
const listOf = (values: readonly string[]) =>
  values.map((value) =>
    /^(-?\d+(\.\d+)?|[A-Za-z][\w -]*)$/.test(value) ? value : JSON.stringify(value)
  )
    .join(", ");

/**
 * Converts the items of the option `classes` to keys of values in the label's column. Returns
 * undefined if the items are not values of this column but names for the classes 0, 1, ...
 *
 * @param family The family of the column's values.
 * @param list The classes.
 */
export function classKeys(family: Family, list: readonly string[]): Key[] | undefined {
  if (family === "strings") return [...list];
  if (family === "booleans") {
    const keys = list.map((text) => ["false", "0"].includes(text) ? 0 : 1);
    return list.every((text) => ["false", "true", "0", "1"].includes(text)) ? keys : undefined;
  }
  const numeric = list.every((text) => text.trim() !== "" && Number.isFinite(Number(text)));
  return numeric
    ? list.map((text) => /^-?\d+$/.test(text) ? keyOf(text) : Number(text))
    : undefined;
}
