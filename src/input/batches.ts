/**
 * The batches of a run. Each batch is a pure function of its address.
 *
 * @module
 */

import { type ListPart, partRange } from "../base/part_range.ts";
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
  /** Only every so many batches, from one of them on: those that a process of a cluster evaluates. */
  readonly every?: ListPart | undefined;
  /**
   * Only a part of the rows of each batch: those on which a process of a cluster trains. A part
   * without rows consists of the first row of the batch.
   */
  readonly part?: ListPart | undefined;
}

/** Identifies a batch by its pass over a split and its number in this pass. */
export interface BatchAddress extends Pass {
  /** The batch's number in its pass, from 0. */
  readonly batch: number;
}

/**
 * Returns the number of batches in a pass.
 *
 * @param rows The rows of the split.
 * @param pass The pass.
 */
export function passBatches(
  rows: Pick<Rows, "rows" | "groups">,
  pass: Pick<Pass, "training" | keyof BatchCut>,
): number {
  return rows.groups?.count(pass) ?? batchCount(rows.rows, pass);
}

/**
 * Returns the number of training batches in an epoch, which is the number of its steps.
 *
 * @param rows The training rows.
 * @param cut How the rows are divided into batches.
 */
export function stepsOf(rows: Pick<Rows, "rows" | "groups">, cut: BatchCut): number {
  return passBatches(rows, { training: true, ...cut });
}

const allBatches: ListPart = { index: 0, count: 1 };

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
   * Returns the number of addresses of a pass.
   *
   * @param pass The pass.
   */
  count(pass: Pass): number {
    const batches = passBatches(this.#splits[pass.split]!, pass);
    const { count, index } = pass.every ?? allBatches;
    return Math.max(0, Math.ceil((batches - index) / count));
  }

  /**
   * Yields the addresses of the batches of a pass. A pass may have millions of batches, so their
   * addresses are never all in memory.
   *
   * @param pass The pass.
   * @param skip The number of first addresses to leave out.
   */
  *addresses(pass: Pass, skip = 0): Generator<BatchAddress, undefined> {
    const length = this.count(pass), { count, index } = pass.every ?? allBatches;
    for (let at = skip; at < length; at++) yield { ...pass, batch: index + at * count };
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
    const seed = this.#seed, grouped = rows.groups?.rows(pass, seed, batch);
    const range = grouped ? [0, grouped.length] as const : batchRange(rows.rows, pass, batch);
    const [start, end] = partOf(range, pass.part);
    const read = grouped
      ? await rows.gather(grouped)
      : training
      ? await rows.shuffled({ seed, epoch }, start, end)
      : await rows.slice(start, end);
    const where = (row: number) => {
      const source = grouped
        ? rows.sourceRow(grouped[row]!)
        : rows.sourceRow(start + row, training ? { seed, epoch } : undefined);
      if (source !== undefined) return rows.where?.(source) ?? `row ${source} (${split} split)`;
      return `row ${row} of batch ${batch} of epoch ${epoch} (${split} split)`;
    };
    return this.#transforms.apply(read, { seed, epoch, batch, training, where });
  }

  /** Frees rows that were read ahead. */
  rest(): void {
    for (const rows of Object.values(this.#splits)) rows.rest();
  }
}

/** The rows of a part of a batch. */
function partOf(
  [start, end]: readonly [start: number, end: number],
  part: ListPart | undefined,
): readonly [start: number, end: number] {
  if (!part) return [start, end];
  const [from, to] = partRange(end - start, part);
  return from === to ? [start, start + 1] : [start + from, start + to];
}
