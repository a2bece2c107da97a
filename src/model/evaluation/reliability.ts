import type { EvaluatedBatch } from "../../stages/metric.ts";
import type { NetName } from "../../stages/network.ts";

/** Rows with similar probabilities. */
export interface ReliabilityBin {
  /** How many rows. */
  readonly rows: number;
  /** The mean of their probabilities. */
  readonly predicted: number;
  /** The fraction of them that have the label 1. */
  readonly observed: number;
}

/** Probabilities are counted in so many steps between 0 and 1, evenly in their logits. */
const STEPS = 4096, LARGEST_LOGIT = 16;

/**
 * Compares the probabilities of a binary label with how often it is 1. Rows are counted in many
 * small steps, so that memory does not depend on their number.
 */
export class Reliability {
  readonly #nets: readonly NetName[];
  readonly #counts: ReadonlyMap<NetName, Steps>;

  /**
   * Starts to count.
   *
   * @param nets The nets.
   */
  constructor(nets: readonly NetName[]) {
    this.#nets = nets;
    this.#counts = new Map(nets.map((net) => [net, new Steps()]));
  }

  /**
   * Counts rows.
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
   * Groups the rows by their probabilities, in ascending order, into bins with about as many rows
   * each.
   *
   * @param most The largest number of bins.
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
      // The end of the next bin, so that one large step does not make the others small.
      const enough = before + rows >= all * (bins.length + 1) / most;
      if (rows === 0 || !enough && step < STEPS - 1) continue;
      bins.push({ rows, predicted: sum / rows, observed: ones / rows });
      before += rows;
      rows = sum = ones = 0;
    }
    return bins;
  }
}
