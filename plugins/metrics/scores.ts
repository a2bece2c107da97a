/**
 * What metrics of two classes have in common: a score a row, kept in arrays that grow by parts, and the area
 * under the curve of sorted scores.
 *
 * @module
 */

import { type Column, columnOption, hint, type LabelSpec, UserError, z } from "../../plugin.ts";

/** The option of metrics by user: the column that says whose a row is. */
export const byOption = columnOption(
  z.string().min(1, { error: "expected the name of a column" }),
).describe("The column of the source that identifies the owner of a row, such as a user's id.");

/**
 * Refuses labels that are not of two classes.
 *
 * @param metric The metric's name.
 * @param label The label.
 * @throws {UserError} If it has more classes, or is a number.
 */
export function refuseNotTwoClasses(metric: string, label: LabelSpec): void {
  if (label.kind !== "number" && label.classes === 2) return;
  throw new UserError(
    label.kind === "number"
      ? `${metric} needs two classes; the label is a number`
      : `${metric} needs two classes; the label has ${label.classes}`,
    {
      hint: label.kind === "number"
        ? hint("scores/number", "use mean-absolute-error", { set: { use: "mean-absolute-error" } })
        : hint("scores/classes", "use accuracy or top-k", [
          { set: { use: "accuracy" } },
          { set: { use: "top-k" } },
        ]),
    },
  );
}

/**
 * The score of a row: its logit, or with two the second less the first. The sigmoid of it is the probability of
 * the positive class either way.
 *
 * @param logits All logits, `[rows, units]`.
 * @param row The row.
 */
export function scoreOf({ values, shape }: Column, row: number): number {
  if ((shape[0] ?? 1) === 1) return values[row]!;
  return values[2 * row + 1]! - values[2 * row]!;
}

/**
 * Numbers, one after the other, in an array that is made once all are there; until then in parts, so that
 * nothing is copied as they become more.
 *
 * @typeParam T The array.
 */
export class GrowingArray<T extends Float32Array | Float64Array | Uint32Array> {
  readonly #array: new (length: number) => T;
  readonly #parts: T[] = [];
  #last: T | undefined;
  #filled = 0;

  /**
   * Starts empty.
   *
   * @param array The constructor of the array.
   */
  constructor(array: new (length: number) => T) {
    this.#array = array;
  }

  /** How many there are. */
  get length(): number {
    return this.#parts.reduce((sum, { length }) => sum + length, 0) + this.#filled;
  }

  /** Adds a number. */
  push(value: number): void {
    if (!this.#last || this.#filled === this.#last.length) {
      if (this.#last) this.#parts.push(this.#last);
      this.#last = new this.#array(PART);
      this.#filled = 0;
    }
    this.#last[this.#filled++] = value;
  }

  /** All numbers in an array of their own. */
  all(): T {
    const all = new this.#array(this.length);
    let start = 0;
    for (const part of [...this.#parts, this.#last?.subarray(0, this.#filled) as T | undefined]) {
      if (!part) continue;
      all.set(part, start);
      start += part.length;
    }
    return all;
  }
}

/** The numbers of a part. */
const PART = 2 ** 16;

/**
 * Scores are float32 where a net has one logit; the difference of two logits takes a double to be exact.
 *
 * @param logits Logits of some rows.
 */
export function scoresLike(
  { shape }: Column,
): GrowingArray<Float32Array> | GrowingArray<Float64Array> {
  return (shape[0] ?? 1) === 1 ? new GrowingArray(Float32Array) : new GrowingArray(Float64Array);
}

/** Why a metric of ranks has no value where a score is NaN. */
export const noRank = "a score is not a number";

/**
 * The part of all pairs of a positive and a negative row in which the positive one scores higher, equal scores
 * counted half: the area under the ROC curve.
 *
 * @param positives The scores of the positive rows, ascending.
 * @param negatives The scores of the negative rows, ascending.
 * @returns The area; NaN where there is no such pair.
 */
export function areaUnderCurve(
  positives: Float32Array | Float64Array,
  negatives: Float32Array | Float64Array,
): number {
  let below = 0, notAbove = 0, wins = 0;
  for (const score of positives) {
    while (below < negatives.length && negatives[below]! < score) below++;
    while (notAbove < negatives.length && negatives[notAbove]! <= score) notAbove++;
    wins += (below + notAbove) / 2;
  }
  return wins / (positives.length * negatives.length);
}
