import { predictedClass } from "../../../plugins/metrics/predictions.ts";
import type { Column } from "../../stages/batch.ts";
import type { EvaluatedBatch } from "../../stages/metric.ts";
import type { NetName } from "../../stages/network.ts";

/** The prediction and the loss of a net for a row. */
export interface RowScore {
  /** The index of the predicted class; the predicted number if the label is a number. */
  readonly prediction: number;
  /** The probability of the predicted class, or of a binary label 1; undefined for numbers. */
  readonly score: number | undefined;
  /** The loss: −log of the label's predicted probability, or the absolute error of a number. */
  readonly loss: number;
}

/** A row with a large loss, or a row that only the booster predicts correctly. */
export interface WrongRow {
  /** The index of the row in the source, from 0. */
  readonly row: number;
  /** The index of the row among those that are evaluated, which may be some rows of the source. */
  readonly index: number;
  /** The label: the index of the class, or the number. */
  readonly label: number;
  /** Whether the row is one of those with the largest losses. */
  readonly isWorst: boolean;
  /** Whether only the booster predicts the class of the row correctly. */
  readonly isBoosters: boolean;
  /** The prediction and the loss of each net. */
  readonly scores: Readonly<Partial<Record<NetName, RowScore>>>;
}

type Found = Omit<WrongRow, "row" | "isWorst" | "isBoosters">;

/**
 * Collects the rows with the largest losses, and those that only the booster predicts correctly.
 */
export class WrongRows {
  readonly #most: number;
  readonly #nets: readonly NetName[];
  readonly #isNumber: boolean;
  readonly #worst: Largest;
  readonly #boosters: Largest;

  /**
   * Starts with no rows.
   *
   * @param most The maximum number of rows of each kind.
   * @param nets The nets. The losses of the first one decide.
   * @param isNumber Whether the label is a number rather than a class.
   */
  constructor(most: number, nets: readonly NetName[], isNumber: boolean) {
    this.#most = most;
    this.#nets = nets;
    this.#isNumber = isNumber;
    this.#worst = new Largest(most);
    this.#boosters = new Largest(most);
  }

  /**
   * Examines a batch of rows.
   *
   * @param batch The rows and the nets' logits.
   * @param indices The indices of the rows among those that are evaluated.
   */
  add({ size, nets, label }: EvaluatedBatch, indices: readonly number[]): void {
    if (this.#most === 0) return;
    for (let row = 0; row < size; row++) {
      const scores = Object.fromEntries(
        this.#nets.map((net) => [net, this.#score(nets[net]!.logits, row, label[row]!)]),
      ) as Record<NetName, RowScore>;
      const { loss } = scores[this.#nets[0]!];
      const found = { index: indices[row]!, label: label[row]!, scores };
      this.#worst.offer(loss, found);
      const { light, booster } = scores;
      if (this.#isNumber || !light || !booster) continue;
      if (booster.prediction === found.label && light.prediction !== found.label) {
        this.#boosters.offer(light.loss, found);
      }
    }
  }

  /**
   * Returns the collected rows, those with the largest losses first.
   *
   * @param rowOf Returns the index in the source of a row that was evaluated.
   */
  rows(rowOf: (index: number) => number): WrongRow[] {
    const worst = new Set(this.#worst.rows()), boosters = new Set(this.#boosters.rows());
    const [first] = this.#nets;
    return [...worst.union(boosters)]
      .sort((a, b) => b.scores[first!]!.loss - a.scores[first!]!.loss || a.index - b.index)
      .map((found) => ({
        ...found,
        row: rowOf(found.index),
        isWorst: worst.has(found),
        isBoosters: boosters.has(found),
      }));
  }

  #score(column: Column, row: number, label: number): RowScore {
    const logits = column.values;
    if (this.#isNumber) {
      const prediction = logits[row]!;
      return { prediction, score: undefined, loss: Math.abs(prediction - label) };
    }
    const [units] = column.shape as [number], prediction = predictedClass(column, row);
    if (units === 1) {
      const logit = logits[row]!;
      const loss = Math.max(logit, 0) - logit * label + Math.log1p(Math.exp(-Math.abs(logit)));
      return { prediction, score: 1 / (1 + Math.exp(-logit)), loss };
    }
    const start = row * units, top = logits[start + prediction]!;
    let sum = 0;
    for (let unit = 0; unit < units; unit++) sum += Math.exp(logits[start + unit]! - top);
    return { prediction, score: 1 / sum, loss: top + Math.log(sum) - logits[start + label]! };
  }
}

/**
 * Keeps the rows with the largest values. The list grows to twice its limit before it is sorted and
 * cut.
 */
class Largest {
  readonly #most: number;
  #kept: { readonly value: number; readonly found: Found }[] = [];
  #least = -Infinity;

  constructor(most: number) {
    this.#most = most;
  }

  offer(value: number, found: Found): void {
    // A loss of NaN counts as infinite.
    const rank = Number.isNaN(value) ? Infinity : value;
    if (this.#kept.length >= this.#most && rank <= this.#least) return;
    this.#kept.push({ value: rank, found });
    if (this.#kept.length >= 2 * this.#most) this.#cut();
  }

  rows(): Found[] {
    this.#cut();
    return this.#kept.map(({ found }) => found);
  }

  #cut(): void {
    this.#kept.sort((a, b) => b.value - a.value || a.found.index - b.found.index);
    this.#kept.length = Math.min(this.#kept.length, this.#most);
    if (this.#kept.length === this.#most) this.#least = this.#kept.at(-1)?.value ?? -Infinity;
  }
}
