/**
 * Helpers for metrics of two classes: the score of each row, arrays that grow in parts, and the
 * area under the curve of sorted scores.
 *
 * @module
 */

import {
  type Accumulator,
  type Column,
  columnOption,
  hint,
  type LabelSpec,
  undefinedMetric,
  UserError,
  z,
} from "../../plugin.ts";

/** The option `by` of metrics per user: the column that identifies the user of a row. */
export const byOption = columnOption(
  z.string().min(1, { error: "expected the name of a column" }),
).describe("The column of the source that identifies the owner of a row, such as a user's id.");

/**
 * Throws an error if the label does not have two classes.
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
      : `${metric} needs two classes; the label has ${label.classes} classes`,
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
 * Computes the score of a row: its logit, or the second logit minus the first. In both cases its
 * sigmoid is the probability of the positive class.
 *
 * @param logits All logits, `[rows, units]`.
 * @param row The row.
 */
export function scoreOf({ values, shape }: Column, row: number): number {
  if ((shape[0] ?? 1) === 1) return values[row]!;
  return values[2 * row + 1]! - values[2 * row]!;
}

/**
 * A growing list of numbers. They are kept in parts, so that growth copies nothing, and joined into
 * one array once all have arrived.
 *
 * @typeParam T The array.
 */
export class GrowingArray<T extends Float32Array | Float64Array | Uint32Array> {
  readonly #array: new (length: number) => T;
  readonly #parts: T[] = [];
  #last: T | undefined;
  #filled = 0;

  /**
   * Creates an empty list.
   *
   * @param array The constructor of the array.
   */
  constructor(array: new (length: number) => T) {
    this.#array = array;
  }

  /** The number of values. */
  get length(): number {
    return this.#parts.reduce((sum, { length }) => sum + length, 0) + this.#filled;
  }

  /** Adds a number. */
  push(value: number): void {
    if (!this.#last || this.#filled === this.#last.length) {
      if (this.#last) this.#parts.push(this.#last);
      // Small at first: a metric by group has as many lists as there are groups.
      this.#last = new this.#array(Math.min(PART, FIRST_PART * 2 ** this.#parts.length));
      this.#filled = 0;
    }
    this.#last[this.#filled++] = value;
  }

  /** All numbers in a new array. */
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

/** The numbers of values in the first part, and in the largest ones. */
const FIRST_PART = 2 ** 6, PART = 2 ** 16;

/**
 * Creates an array for scores. Its type is float32 if a net has one logit, and float64 if a score
 * is the difference of two logits.
 *
 * @param logits Logits of some rows.
 */
export function scoresLike(
  { shape }: Column,
): GrowingArray<Float32Array> | GrowingArray<Float64Array> {
  return (shape[0] ?? 1) === 1 ? new GrowingArray(Float32Array) : new GrowingArray(Float64Array);
}

/** Reason why a rank-based metric is undefined if a score is NaN. */
export const noRank = "a score is not a number";

/**
 * Computes the area under the ROC curve: the fraction of pairs of a positive and a negative row in
 * which the positive row has the higher score. Equal scores count half.
 *
 * @param positives The scores of the positive rows, ascending.
 * @param negatives The scores of the negative rows, ascending.
 * @returns The area, or NaN without pairs.
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

/**
 * Computes the average precision: the mean, over the positive rows, of the fraction of positive
 * rows among the rows whose score is at least as high.
 *
 * @param positives The scores of the positive rows, ascending.
 * @param negatives The scores of the negative rows, ascending.
 * @returns The average precision, or NaN without positive rows.
 */
export function averagePrecision(
  positives: Float32Array | Float64Array,
  negatives: Float32Array | Float64Array,
): number {
  let below = 0, sum = 0;
  for (let from = 0, to = 0; from < positives.length; from = to) {
    const score = positives[from]!;
    while (to < positives.length && positives[to] === score) to++;
    while (below < negatives.length && negatives[below]! < score) below++;
    const above = positives.length - from;
    sum += (to - from) * above / (above + negatives.length - below);
  }
  return sum / positives.length;
}

/**
 * Creates an accumulator that keeps the scores of each class and computes a number from them. It is
 * undefined if only one class occurs, or a score is NaN.
 *
 * @param measure Computes the number from the scores of both classes, each ascending.
 */
export function rankedScores(
  measure: (
    positives: Float32Array | Float64Array,
    negatives: Float32Array | Float64Array,
  ) => number,
): Accumulator {
  let classes: ReturnType<typeof scoresLike>[] | undefined;
  let broken = false;
  return {
    add({ outputs: { logits }, label, size }) {
      classes ??= [scoresLike(logits), scoresLike(logits)];
      for (let row = 0; row < size; row++) {
        const score = scoreOf(logits, row);
        // NaN has no rank.
        broken ||= Number.isNaN(score);
        classes[label[row]!]!.push(score);
      }
    },
    value() {
      if (broken) return undefinedMetric(noRank);
      if (!classes?.every(({ length }) => length > 0)) return undefinedMetric("one class");
      const [negatives, positives] = classes.map((scores) => scores.all().sort());
      return measure(positives!, negatives!);
    },
  };
}
