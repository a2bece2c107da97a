import { predictedClass } from "../../../plugins/metrics/predictions.ts";
import type { EvaluatedBatch } from "../../stages/metric.ts";
import type { NetName } from "../../stages/network.ts";

/** A cell of a confusion matrix: the number of rows with a label and a predicted class. */
export interface ConfusionCell {
  /** The index of the label's class. */
  readonly label: number;
  /** The index of the predicted class. */
  readonly predicted: number;
  /** The number of rows. */
  readonly rows: number;
}

/** Counts the confusion matrix of each net. Only pairs of classes that occur take memory. */
export class ConfusionCounts {
  readonly #nets: readonly NetName[];
  readonly #classes: number;
  readonly #counts: ReadonlyMap<NetName, Map<number, number>>;

  /**
   * Creates empty counts.
   *
   * @param nets The nets.
   * @param classes The number of classes.
   */
  constructor(nets: readonly NetName[], classes: number) {
    this.#nets = nets;
    this.#classes = classes;
    this.#counts = new Map(nets.map((net) => [net, new Map()]));
  }

  /**
   * Adds rows to the counts.
   *
   * @param batch The rows and the nets' logits.
   */
  add({ size, nets, label }: EvaluatedBatch): void {
    for (const net of this.#nets) {
      const counts = this.#counts.get(net)!, { logits } = nets[net]!;
      for (let row = 0; row < size; row++) {
        const predicted = predictedClass(logits, row);
        if (Number.isNaN(predicted)) continue;
        const key = label[row]! * this.#classes + predicted;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
  }

  /** The pairs that occur, by net, ordered by label and predicted class. */
  cells(): Partial<Record<NetName, ConfusionCell[]>> {
    return Object.fromEntries(this.#nets.map((net) => [
      net,
      [...this.#counts.get(net)!].sort(([a], [b]) => a - b).map(([key, rows]) => ({
        label: Math.floor(key / this.#classes),
        predicted: key % this.#classes,
        rows,
      })),
    ]));
  }
}
