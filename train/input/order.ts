/**
 * Which rows come when: pure functions of the seed.
 *
 * @module
 */

import { createRandom, deriveSeed, type Random } from "../../pipeline/random.ts";

/**
 * The order of the training rows in an epoch.
 *
 * @param rows How many rows there are.
 * @param seed The run's seed.
 * @param epoch The epoch.
 * @returns All row numbers, each once.
 */
export function epochOrder(rows: number, seed: number, epoch: number): Uint32Array<ArrayBuffer> {
  return shuffled(rows, createRandom(deriveSeed(seed, "shuffle", epoch)));
}

/** The rows that are trained on, and those held out. */
export interface Holdout {
  /** Row numbers to train on, ascending. */
  readonly train: Uint32Array<ArrayBuffer>;
  /** Row numbers that are held out, ascending. */
  readonly validation: Uint32Array<ArrayBuffer>;
}

/**
 * Chooses rows to hold out.
 *
 * @param rows How many rows there are.
 * @param fraction The part that is held out, in (0, 1); rounded to whole rows.
 * @param seed The run's seed.
 * @returns Both parts.
 */
export function holdoutRows(rows: number, fraction: number, seed: number): Holdout {
  const order = shuffled(rows, createRandom(deriveSeed(seed, "holdout")));
  const held = Math.round(rows * fraction);
  return { train: order.slice(held).sort(), validation: order.slice(0, held).sort() };
}

/**
 * Cuts rows into batches; the last one may be smaller.
 *
 * @param rows How many rows there are.
 * @param size The rows of a batch.
 * @returns The first row of each batch and the one after its last.
 */
export function batchRanges(rows: number, size: number): [start: number, end: number][] {
  return Array.from(
    { length: Math.ceil(rows / size) },
    (_, index) => [index * size, Math.min((index + 1) * size, rows)],
  );
}

/** Fisher and Yates' shuffle. */
function shuffled(rows: number, random: Random): Uint32Array<ArrayBuffer> {
  const order = Uint32Array.from({ length: rows }, (_, row) => row);
  for (let last = rows - 1; last > 0; last--) {
    const other = random.integer(0, last);
    const row = order[last]!;
    order[last] = order[other]!;
    order[other] = row;
  }
  return order;
}
