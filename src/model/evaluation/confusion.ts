import { type ConfusionCell, ConfusionCounts } from "../../../plugins/metrics/confusion_counts.ts";
import type { EvaluatedBatch } from "../../stages/metric.ts";
import type { NetName } from "../../stages/network.ts";

export type { ConfusionCell };

/** Counts the confusion matrix of each net. */
export class NetConfusions {
  readonly #counts: ReadonlyMap<NetName, ConfusionCounts>;

  /**
   * Creates empty counts.
   *
   * @param nets The nets.
   * @param classes The number of classes.
   */
  constructor(nets: readonly NetName[], classes: number) {
    this.#counts = new Map(nets.map((net) => [net, new ConfusionCounts(classes)]));
  }

  /**
   * Adds rows to the counts.
   *
   * @param batch The rows and the nets' logits.
   */
  add({ size, nets, label }: EvaluatedBatch): void {
    for (const [net, counts] of this.#counts) counts.add(nets[net]!.logits, label, size);
  }

  /** The pairs that occur, by net, ordered by label and predicted class. */
  cells(): Partial<Record<NetName, ConfusionCell[]>> {
    return Object.fromEntries([...this.#counts].map(([net, counts]) => [net, counts.cells()]));
  }
}
