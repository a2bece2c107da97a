import { type EvaluatedBatch, LargeMap } from "../../plugin.ts";
import { GrowingArray, scoreOf, scoresLike } from "./scores.ts";

/** The scores of one group of rows, such as the rows of one user. */
export interface Group {
  /** The scores of its positive rows, ascending. */
  readonly positives: Float32Array | Float64Array;
  /** The scores of its negative rows, ascending. */
  readonly negatives: Float32Array | Float64Array;
}

/**
 * Whether a score of a group is NaN. NaN has no rank and is last after sorting.
 *
 * @param group The group.
 */
export function hasNoRank({ positives, negatives }: Group): boolean {
  return Number.isNaN(positives.at(-1)) || Number.isNaN(negatives.at(-1));
}

/** Numbers groups from 0, in the order of their first rows. */
class GroupNumbers {
  readonly #numbers = new LargeMap<number, number>();

  /** The number of groups so far. */
  get count(): number {
    return this.#numbers.size;
  }

  /** Returns the number of the group with a value. */
  of(value: number): number {
    let number = this.#numbers.get(value);
    if (number === undefined) this.#numbers.set(value, number = this.#numbers.size);
    return number;
  }
}

/**
 * Returns where the rows of each place start if rows are sorted by their place, followed by the
 * number of rows.
 */
function boundsOf(places: Uint32Array, count: number): Uint32Array {
  const bounds = new Uint32Array(count + 1);
  for (const place of places) bounds[place + 1]!++;
  for (let place = 1; place < bounds.length; place++) bounds[place]! += bounds[place - 1]!;
  return bounds;
}

/** Scores by group and class. Rows may arrive in any order. */
export class GroupedScores {
  readonly #by: string;
  readonly #numbers = new GroupNumbers();
  /** For each row, twice the index of its group, plus 1 if the row is positive. */
  readonly #places = new GrowingArray(Uint32Array);
  #scores: ReturnType<typeof scoresLike> | undefined;

  /**
   * Creates an empty collection.
   *
   * @param by The column that identifies the group of a row.
   */
  constructor(by: string) {
    this.#by = by;
  }

  /**
   * Adds rows.
   *
   * @param batch The rows.
   */
  add({ outputs: { logits }, label, columns, size }: EvaluatedBatch): void {
    this.#scores ??= scoresLike(logits);
    const groups = columns[this.#by]!;
    for (let row = 0; row < size; row++) {
      this.#places.push(2 * this.#numbers.of(groups[row]!) + label[row]!);
      this.#scores.push(scoreOf(logits, row));
    }
  }

  /** Yields the groups. Each is valid only until the next one is read. */
  *groups(): Generator<Group> {
    if (!this.#scores) return;
    const places = this.#places.all(), scores = this.#scores.all();
    const bounds = boundsOf(places, 2 * this.#numbers.count);
    const next = bounds.slice(), sorted = scores.slice();
    for (let row = 0; row < places.length; row++) sorted[next[places[row]!]!++] = scores[row]!;
    const part = (place: number) => sorted.subarray(bounds[place], bounds[place + 1]).sort();
    for (let group = 0; group < this.#numbers.count; group++) {
      yield { negatives: part(2 * group), positives: part(2 * group + 1) };
    }
  }
}

/** The scores and labels of one group of rows, in the order in which the rows arrived. */
export interface LabelledScores {
  /** The scores. */
  readonly scores: Float64Array;
  /** The labels: 0 or 1 for two classes, or numbers. */
  readonly labels: Float64Array;
}

/** Scores and labels by group. Rows may arrive in any order. */
export class GroupedLabels {
  readonly #by: string;
  readonly #numbers = new GroupNumbers();
  readonly #groups = new GrowingArray(Uint32Array);
  readonly #labels = new GrowingArray(Float64Array);
  #scores: ReturnType<typeof scoresLike> | undefined;

  /**
   * Creates an empty collection.
   *
   * @param by The column that identifies the group of a row.
   */
  constructor(by: string) {
    this.#by = by;
  }

  /**
   * Adds rows.
   *
   * @param batch The rows.
   */
  add({ outputs: { logits }, label, columns, size }: EvaluatedBatch): void {
    this.#scores ??= scoresLike(logits);
    const groups = columns[this.#by]!;
    for (let row = 0; row < size; row++) {
      this.#groups.push(this.#numbers.of(groups[row]!));
      this.#labels.push(label[row]!);
      this.#scores.push(scoreOf(logits, row));
    }
  }

  /** Yields the groups in the order of their first rows. */
  *groups(): Generator<LabelledScores> {
    if (!this.#scores) return;
    const groups = this.#groups.all(), scores = this.#scores.all(), labels = this.#labels.all();
    const bounds = boundsOf(groups, this.#numbers.count);
    const next = bounds.slice();
    const sorted = { scores: new Float64Array(groups.length), labels: labels.slice() };
    for (let row = 0; row < groups.length; row++) {
      const place = next[groups[row]!]!++;
      sorted.scores[place] = scores[row]!;
      sorted.labels[place] = labels[row]!;
    }
    for (let group = 0; group < this.#numbers.count; group++) {
      const [start, end] = [bounds[group]!, bounds[group + 1]!];
      yield {
        scores: sorted.scores.subarray(start, end),
        labels: sorted.labels.subarray(start, end),
      };
    }
  }
}
