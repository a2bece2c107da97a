import type { EvaluatedBatch } from "../../stages/metric.ts";
import type { NetName } from "../../stages/network.ts";

/** Rows with similar predicted probabilities. */
export interface ReliabilityBin {
  /** The number of rows. */
  readonly rows: number;
  /** The mean predicted probability of these rows. */
  readonly predicted: number;
  /** The fraction of these rows with the label 1. */
  readonly observed: number;
}

/** The number of steps into which probabilities are divided, at equal distances of their logits. */
const STEPS = 4096, LARGEST_LOGIT = 16;

/**
 * Compares the predicted probabilities of a binary label with the observed frequency of the label
 * 1. Rows are counted in many small steps of the probability, so memory does not depend on the
 * number of rows.
 */
export class Reliability {
  readonly #nets: readonly NetName[];
  readonly #counts: ReadonlyMap<NetName, Steps>;

  /**
   * Creates empty counts.
   *
   * @param nets The nets.
   */
  constructor(nets: readonly NetName[]) {
    this.#nets = nets;
    this.#counts = new Map(nets.map((net) => [net, new Steps()]));
  }

  /**
   * Adds rows to the counts.
   *
   * @param batch The rows and the nets' logits.
   */
  add({ size, nets, label }: EvaluatedBatch): void {
    for (const net of this.#nets) {
      const { values } = nets[net]!.logits, counts = this.#counts.get(net)!;
      for (let row = 0; row < size; row++) counts.add(values[row]!, label[row]!);
    }
  }

  /**
   * Groups the rows by ascending probability into bins with about the same number of rows.
   *
   * @param most The maximum number of bins.
   */
  bins(most: number): Partial<Record<NetName, ReliabilityBin[]>> {
    return Object.fromEntries(
      this.#nets.map((net) => [net, this.#counts.get(net)!.bins(most)]),
    );
  }
}

class Steps {
  readonly #rows = new Float64Array(STEPS);
  readonly #sums = new Float64Array(STEPS);
  readonly #ones = new Float64Array(STEPS);

  add(logit: number, label: number): void {
    const part = (logit + LARGEST_LOGIT) / (2 * LARGEST_LOGIT);
    const step = Math.min(STEPS - 1, Math.max(0, Math.floor(part * STEPS)));
    this.#rows[step]! += 1;
    this.#sums[step]! += 1 / (1 + Math.exp(-logit));
    this.#ones[step]! += label;
  }

  bins(most: number): ReliabilityBin[] {
    const all = this.#rows.reduce((sum, rows) => sum + rows, 0), bins: ReliabilityBin[] = [];
    let rows = 0, sum = 0, ones = 0, before = 0;
    for (let step = 0; step < STEPS; step++) {
      rows += this.#rows[step]!;
      sum += this.#sums[step]!;
      ones += this.#ones[step]!;
      // The end of the next bin depends on the remaining rows, so a step with many rows does not
      // make the other bins small.
      const enough = before + rows >= all * (bins.length + 1) / most;
      if (rows === 0 || !enough && step < STEPS - 1) continue;
      bins.push({ rows, predicted: sum / rows, observed: ones / rows });
      before += rows;
      rows = sum = ones = 0;
    }
    return bins;
  }
}
