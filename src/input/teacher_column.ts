/**
 * Reads the output of a teacher outside the run from a column of the training rows.
 *
 * @module
 */

import type { Field } from "apache-arrow";
import { type Place, type Problem, UserError } from "../base/errors.ts";
import { hint, type HintText } from "../base/hints.ts";
import { counted } from "../base/text_table.ts";
import type { ColumnSpec, LabelSpec, Values } from "../stages/batch.ts";
import { type ColumnChunk, ColumnReader } from "./columns.ts";
import type { PlannedColumn } from "./decoder.ts";
import { layoutOf } from "./layout.ts";

/** The column with the output of a teacher, and what it contains. */
export interface TeacherColumn {
  /** The column. */
  readonly column: string;
  /** What the numbers are; by default, probabilities if the label has classes. */
  readonly of: "logits" | "probabilities" | undefined;
  /** The label that the teacher predicts, if there are several. */
  readonly label?: string | undefined;
  /** What to do with rows without an output. */
  readonly missing: "error" | "skip";
}

/** What {@linkcode readTeacher} needs in addition to the options of the teacher. */
export interface TeacherContext {
  /** The column's name and type. */
  readonly field: Field;
  /** The column, if the same rows were read before. */
  readonly like: { readonly spec: ColumnSpec; readonly field: Field } | undefined;
  /** The kind of the label. */
  readonly kind: LabelSpec["kind"];
  /** Whether rows without an output are dropped. */
  readonly drop: boolean;
  /** Describes the position of a row in messages. */
  readonly where: (row: number) => string;
  /** Returns the place of an option of the teacher in the pipeline file. */
  readonly place: (option: string) => Place | undefined;
}

/**
 * Probabilities are limited to this value and to 1 minus it, so that their logits are finite. It is
 * the constant that Keras uses.
 */
const LEAST = 1e-7;

/** How far the sum of the probabilities of a row may be from 1; float16 needs this much. */
const TOLERANCE = 0.01;

/**
 * Plans how to read the column with the output of a teacher. Probabilities become logits: one logit
 * per row for a net with one logit, and otherwise one for each class. In rows without an output,
 * the logits are NaN.
 *
 * @param teacher The teacher.
 * @param context The column, the label, and the place in the pipeline file.
 * @returns The column.
 * @throws {UserError} If the type of the column is not suitable.
 */
export function readTeacher(
  { column, of, missing }: TeacherColumn,
  { field, like, kind, drop, where, place }: TeacherContext,
): PlannedColumn {
  const family = layoutOf(field.type)?.family;
  if (family !== "numbers" && family !== "whole numbers" && family !== "booleans") {
    throw new UserError(
      `the column ${column} has the type ${field.type}, which cannot be a teacher's output`,
      {
        place: place("column"),
        hint: hint(
          "teacher/type",
          "name a column of numbers: one per row, or a list with a number for each class",
          { edit: "the column of the teacher" },
        ),
        exitCode: 2,
      },
    );
  }
  const reader = new ColumnReader(field, {
    column,
    use: "teacher",
    // Nulls that a mean would replace are read as NaN.
    options: { nulls: drop ? "drop" : "mean", nan: "missing" },
    like,
    where,
    place: () => place("column"),
  });
  const isProbability = of === undefined ? kind !== "number" : of === "probabilities";
  // Each class of a label of kind `multi-label` has a probability of its own.
  const isEach = kind === "multi-label";
  let row = 0;
  const none = { first: -1, count: 0 };
  const fail = (at: number, message: string, hint: HintText): never => {
    throw new UserError(`${where(row + at)}, column ${column}: ${message} (rows count from 0)`, {
      place: place("column"),
      hint,
    });
  };
  return {
    read(columnOf) {
      const data = columnOf(field), chunk = reader.read(data), rows = data.length;
      const isMissing = (at: number, size: number) => {
        if (chunk.dropped?.[at]) return true;
        if (chunk.unshaped === undefined) {
          if (!chunk.values.subarray(at * size, (at + 1) * size).some(Number.isNaN)) return false;
        }
        if (none.count++ === 0) none.first = row + at;
        return true;
      };
      const values = logitsOf(chunk, rows, { isMissing, isProbability, isEach, fail });
      row += rows;
      return { ...chunk, values };
    },
    shaped: (chunk, rows) => reader.shaped(chunk, rows),
    finish(chunks) {
      const { shape } = reader.finish(chunks);
      const spec = { shape: shape.length === 0 ? [1] : shape, dtype: "float32" as const };
      return { spec, values: chunks.map(({ values }) => values) };
    },
    problems() {
      const problems: Problem[] = [...reader.problems()];
      if (missing === "skip" || none.count === 0) return problems;
      return [...problems, {
        message:
          `${where(none.first)}, column ${column}: the teacher's output is missing (null or ` +
          `NaN), as in ${counted(none.count, "row")} in all (rows count from 0)`,
        place: place("column"),
        hint: hint(
          "teacher/missing",
          "write `missing: skip` in `teacher`, so that the loss of such rows is 0, or " +
            "`nulls: drop` in data, which leaves them out",
          [{ set: { "../missing": "skip" } }, { set: { "/data/nulls": "drop" } }],
        ),
      }];
    },
  };
}

/** How the values of a record batch are converted. */
interface Conversion {
  /** Checks whether a row has no output. */
  readonly isMissing: (row: number, size: number) => boolean;
  /** Whether the values are probabilities. */
  readonly isProbability: boolean;
  /** Whether each value is a probability of its own, so that their sum may be any number. */
  readonly isEach: boolean;
  /** Throws an error about a row. */
  readonly fail: (row: number, message: string, hint: HintText) => never;
}

function logitsOf(
  { values, unshaped }: ColumnChunk,
  rows: number,
  { isMissing, isProbability, isEach, fail }: Conversion,
): Values {
  const logits = new Float32Array(values.length);
  const size = rows === 0 ? 0 : values.length / rows;
  for (let row = 0; row < rows; row++) {
    const start = row * size;
    if (isMissing(row, size) || unshaped !== undefined) {
      logits.fill(NaN, start, start + size);
      continue;
    }
    let sum = 0;
    for (let index = start; index < start + size; index++) {
      const value = values[index]!;
      if (!isProbability) logits[index] = value;
      else {
        if (!(value >= 0 && value <= 1)) fail(row, `has ${value}; ${expected}`, ofHint());
        sum += value;
        logits[index] = size === 1 || isEach
          ? Math.log(limited(value)) - Math.log(limited(1 - value))
          : Math.log(Math.max(value, LEAST));
      }
    }
    if (isProbability && size > 1 && !isEach && Math.abs(sum - 1) > TOLERANCE) {
      fail(row, `has numbers with the sum ${Number(sum.toPrecision(6))}; ${expected}`, ofHint());
    }
  }
  return logits;
}

const expected =
  "expected probabilities from 0 to 1, with the sum 1 if there is one for each of several classes";

const limited = (probability: number) => Math.max(probability, LEAST);

const ofHint = () =>
  hint("teacher/of", "if the column has logits, write `of: logits` in `teacher`", {
    set: { "../of": "logits" },
  });
