import { type Column, LargeMap, type Values } from "../../plugin.ts";
import { predictedClass } from "./predictions.ts";

/** A cell of a confusion matrix: the number of rows with a label and a predicted class. */
export interface ConfusionCell {
  /** The index of the label's class. */
  readonly label: number;
  /** The index of the predicted class. */
  readonly predicted: number;
  /** The number of rows. */
  readonly rows: number;
}

/** Counts the confusion matrix of one net. Only pairs of classes that occur take memory. */
export class ConfusionCounts {
  readonly #classes: number;
  readonly #cells = new LargeMap<number, number>();
  readonly #labels = new Map<number, number>();
  #rows = 0;

  /**
   * Creates empty counts.
   *
   * @param classes The number of classes.
   */
  constructor(classes: number) {
    this.#classes = classes;
  }

  /**
   * Adds rows to the counts.
   *
   * @param logits The net's logits.
   * @param label The labels.
   * @param size The number of rows.
   */
  add(logits: Column, label: Values, size: number): void {
    this.#rows += size;
    for (let row = 0; row < size; row++) {
      const own = label[row]!, predicted = predictedClass(logits, row);
      this.#labels.set(own, (this.#labels.get(own) ?? 0) + 1);
      if (Number.isNaN(predicted)) continue;
      const key = own * this.#classes + predicted;
      this.#cells.set(key, (this.#cells.get(key) ?? 0) + 1);
    }
  }

  /** The number of rows, including those without a predicted class because a logit is NaN. */
  get rows(): number {
    return this.#rows;
  }

  /**
   * The number of rows with a label, including those without a predicted class.
   *
   * @param label The index of the label's class.
   */
  rowsWith(label: number): number {
    return this.#labels.get(label) ?? 0;
  }

  /** The pairs that occur, ordered by label and predicted class. */
  cells(): ConfusionCell[] {
    return [...this.#cells].sort(([a], [b]) => a - b).map(([key, rows]) => ({
      label: Math.floor(key / this.#classes),
      predicted: key % this.#classes,
      rows,
    }));
  }
}
