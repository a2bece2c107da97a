/**
 * The batches of a run. Each batch is a pure function of its address.
 *
 * @module
 */

import type { Batch } from "../stages/batch.ts";
import { batchCount, type BatchCut, batchRange } from "./order.ts";
import type { Rows } from "./rows.ts";
import type { TransformChain } from "./transforms.ts";

/** One pass over a split, batch by batch. */
export interface Pass extends BatchCut {
  /** The split's name. */
  readonly split: string;
  /** Whether the pass is for training: rows are shuffled by epoch and augmented. */
  readonly training: boolean;
  /** The epoch; 0 for evaluation. */
  readonly epoch: number;
}

/** Identifies a batch by its pass over a split and its number in this pass. */
export interface BatchAddress extends Pass {
  /** The batch's number in its pass, from 0. */
  readonly batch: number;
}

/** Makes batches from the splits of a run. */
export class BatchMaker {
  readonly #splits: Readonly<Record<string, Rows>>;
  readonly #transforms: TransformChain;
  readonly #seed: number;

  /**
   * Creates a maker of batches.
   *
   * @param splits The rows by split.
   * @param transforms The transforms that are applied to the rows.
   * @param seed The run's seed.
   */
  constructor(
    splits: Readonly<Record<string, Rows>>,
    transforms: TransformChain,
    seed: number,
  ) {
    this.#splits = splits;
    this.#transforms = transforms;
    this.#seed = seed;
  }

  /**
   * Lists the addresses of the batches of a pass.
   *
   * @param pass The pass.
   */
  addresses(pass: Pass): BatchAddress[] {
    const { rows } = this.#splits[pass.split]!;
    return Array.from({ length: batchCount(rows, pass) }, (_, batch) => ({ ...pass, batch }));
  }

  /**
   * Makes a batch.
   *
   * @param address The batch's address.
   * @throws {UserError} If a transform fails, or rows can no longer be read.
   */
  async make({ batch, ...pass }: BatchAddress): Promise<Batch> {
    const { split, training, epoch } = pass;
    const rows = this.#splits[split]!;
    const [start, end] = batchRange(rows.rows, pass, batch);
    const read = training
      ? await rows.shuffled({ seed: this.#seed, epoch }, start, end)
      : await rows.slice(start, end);
    const where = (row: number) => {
      const source = rows.sourceRow(
        start + row,
        training ? { seed: this.#seed, epoch } : undefined,
      );
      if (source !== undefined) return rows.where?.(source) ?? `row ${source} (${split} split)`;
      return `row ${row} of batch ${batch} of epoch ${epoch} (${split} split)`;
    };
    return this.#transforms.apply(read, { seed: this.#seed, epoch, batch, training, where });
  }

  /** Frees rows that were read ahead. */
  rest(): void {
    for (const rows of Object.values(this.#splits)) rows.rest();
  }
}
