import type { Batch, LabelSpec, LabelStatistics } from "../stages/batch.ts";
import {
  type LabelPart,
  labelParts,
  labelValue,
  labelValues,
  mapLabels,
} from "../stages/labels.ts";
import { type RowWeights, weightOfRow } from "../stages/row_weights.ts";
import { type Rows, StoredRows } from "./rows.ts";

/** The number of rows that are read at once. */
const AT_ONCE = 8192;

/**
 * Computes the statistics of the label, or of each of several labels, over all rows of a split. Rows
 * that are not in memory are read once.
 *
 * @param rows The training rows.
 * @param weights Factors of the weights of rows, by class; 1 by default.
 * @returns The label with its statistics.
 */
export async function withLabelStatistics(rows: Rows, weights?: RowWeights): Promise<LabelSpec> {
  const parts = labelParts(rows.label);
  const sums = (parts.length > 0 ? parts : [undefined])
    .map((part) => new LabelSums(part?.spec ?? rows.label, part));
  for await (const batch of labelBatches(rows)) {
    for (const sum of sums) sum.add(batch, weights);
  }
  return mapLabels(rows.label, (label, part) => {
    const own = sums.find((sum) => sum.part?.name === part?.name)!;
    return { ...label, training: own.statistics() };
  });
}

/** Sums over the rows that have a label. */
class LabelSums {
  readonly part: LabelPart | undefined;
  readonly #kind: LabelSpec["kind"];
  readonly #classes: Float64Array;
  #rows = 0;
  #total = 0;
  #sum = 0;

  constructor({ kind, classes }: LabelSpec, part: LabelPart | undefined) {
    this.part = part;
    this.#kind = kind;
    this.#classes = new Float64Array(classes);
  }

  add(batch: Batch, weights: RowWeights | undefined): void {
    for (let row = 0; row < batch.size; row++) {
      const value = labelValue(batch.label, row, this.part);
      if (Number.isNaN(value)) continue;
      const counted = weightOfRow(batch, row, weights);
      this.#rows++;
      this.#total += counted;
      if (this.#kind === "multi-label") {
        const own = labelValues(batch.label, row, this.part);
        for (let id = 0; id < own.length; id++) this.#classes[id]! += counted * own[id]!;
        continue;
      }
      this.#sum += counted * value;
      if (this.#kind !== "number") this.#classes[value]! += counted;
    }
  }

  statistics(): LabelStatistics {
    const total = this.#total;
    // The sum of class numbers has no meaning.
    const mean = this.#kind === "class" || total === 0 ? 0 : this.#sum / total;
    return { rows: this.#rows, total, classes: [...this.#classes], mean };
  }
}

/**
 * Reads the labels and weights of all rows of a split, in order.
 *
 * @param rows The rows.
 */
export async function* labelBatches(rows: Rows): AsyncGenerator<Batch> {
  const read = rows instanceof StoredRows ? rows.labelRows() : rows;
  for (let start = 0; start < rows.rows; start += AT_ONCE) {
    yield await read.slice(start, Math.min(start + AT_ONCE, rows.rows));
  }
}
