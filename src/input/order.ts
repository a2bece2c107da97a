/**
 * The order of rows, and their division into batches: pure functions of the seed.
 *
 * @module
 */

import type { LastBatch } from "../pipeline/plan.ts";
import { createRandom, deriveSeed, type Random } from "../base/random.ts";

/**
 * Returns the order of the training rows in an epoch as an array of row numbers.
 *
 * @param rows The number of rows.
 * @param seed The run's seed.
 * @param epoch The epoch.
 * @returns All row numbers, each once.
 */
export function epochOrder(rows: number, seed: number, epoch: number): Uint32Array<ArrayBuffer> {
  return shuffled(rows, createRandom(deriveSeed(seed, "shuffle", epoch)));
}

/** The maximum number of rows for which an order is a table, with 4 bytes per row. */
const maxInTable = 2 ** 22;

/** The order of the rows of an epoch. */
export interface EpochOrder {
  /**
   * Returns the rows at consecutive positions.
   *
   * @param start The first position.
   * @param end The position after the last.
   */
  at(start: number, end: number): Uint32Array;
}

/**
 * Returns the order of the training rows in an epoch, shuffled as a whole. Up to 4 million rows,
 * all permutations are equally likely. For more rows, a table would take too much memory, and a
 * keyed permutation computes the row at each position instead.
 *
 * @param rows The number of rows.
 * @param seed The run's seed.
 * @param epoch The epoch.
 */
export function wholeOrder(rows: number, seed: number, epoch: number): EpochOrder {
  if (rows <= maxInTable) {
    const order = epochOrder(rows, seed, epoch);
    return { at: (start, end) => order.subarray(start, end) };
  }
  const rowAt = keyedPermutation(rows, createRandom(deriveSeed(seed, "shuffle", epoch)));
  return {
    at: (start, end) =>
      Uint32Array.from({ length: end - start }, (_, index) => rowAt(start + index)),
  };
}

const rounds = 8;

/**
 * Creates a permutation that needs no table: a Feistel network over the smallest even number of
 * bits that can represent all numbers. It is applied repeatedly until the result is in range (Black
 * and Rogaway, Ciphers with arbitrary finite domains, 2002).
 *
 * @param count The number of numbers, at most 2³².
 * @param random The source of its keys.
 * @returns A function from each number to its image.
 */
export function keyedPermutation(count: number, random: Random): (number: number) => number {
  const bits = Math.max(1, Math.ceil(Math.log2(Math.max(2, count)) / 2));
  const size = 2 ** bits, mask = size - 1;
  const keys = Uint32Array.from({ length: rounds }, () => random.integer(0, 2 ** 32 - 1));
  return (number) => {
    let now = number;
    do {
      let left = Math.floor(now / size), right = now & mask;
      for (const key of keys) [left, right] = [right, left ^ (mixed(right ^ key) & mask)];
      now = left * size + right;
    } while (now >= count);
    return now;
  };
}

/** The finalizer of MurmurHash3. */
function mixed(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Record batches whose rows are shuffled together. */
export interface Window {
  /** The numbers of the window's record batches, in the epoch's order. */
  readonly batches: readonly number[];
  /** The position of the window's first row in the epoch. */
  readonly start: number;
  /** The position after the window's last row. */
  readonly end: number;
}

/**
 * Divides the record batches of an epoch, in shuffled order, into windows. A window contains one
 * record batch, or several with at most the given number of rows in total. No data is read, so an
 * epoch can be resumed at any window.
 *
 * @param counts The number of rows in each record batch.
 * @param rows The maximum number of rows in a window; a larger record batch is a window of its own.
 * @param seed The run's seed.
 * @param epoch The epoch.
 */
export function windowsOf(
  counts: ArrayLike<number>,
  rows: number,
  seed: number,
  epoch: number,
): Window[] {
  const windows: Window[] = [];
  let batches: number[] = [], start = 0, end = 0;
  const close = () => {
    if (batches.length > 0) windows.push({ batches, start, end });
    [batches, start] = [[], end];
  };
  const order = shuffled(
    counts.length,
    createRandom(deriveSeed(seed, "shuffle", epoch, "batches")),
  );
  for (const batch of order) {
    const count = counts[batch]!;
    if (count === 0) continue;
    if (end - start + count > rows) close();
    batches.push(batch);
    end += count;
  }
  close();
  return windows;
}

/**
 * Returns the random order of the rows in one window, which is a group of rows that are shuffled
 * together.
 *
 * @param rows The number of rows in the window.
 * @param seed The run's seed.
 * @param epoch The epoch.
 * @param window The window's number in the epoch.
 */
export function windowOrder(
  rows: number,
  seed: number,
  epoch: number,
  window: number,
): Uint32Array<ArrayBuffer> {
  return shuffled(rows, createRandom(deriveSeed(seed, "shuffle", epoch, "window", window)));
}

/**
 * Chooses a random sample of rows.
 *
 * @param rows The number of rows to choose from.
 * @param count The number of rows to choose, at most as many as there are.
 * @param seed The run's seed.
 * @returns The numbers of the chosen rows, ascending.
 */
export function sampleRows(rows: number, count: number, seed: number): Uint32Array<ArrayBuffer> {
  return shuffled(rows, createRandom(deriveSeed(seed, "rows"))).slice(0, count).sort();
}

/**
 * How the rows of an epoch are divided into batches: the batch size, and what happens to the last
 * rows.
 */
export interface BatchCut {
  /** The number of rows in a batch. */
  readonly size: number;
  /**
   * How to handle remaining rows that do not fill a batch. keep: they form a batch. merge: they are
   * added to the previous batch if they are at most half a batch, and form a batch otherwise. drop:
   * they are skipped.
   */
  readonly last: LastBatch;
}

/**
 * Returns the number of batches into which rows are divided.
 *
 * @param rows The number of rows.
 * @param cut How the rows are divided into batches.
 */
export function batchCount(rows: number, { size, last }: BatchCut): number {
  const whole = Math.floor(rows / size), rest = rows % size;
  if (rest === 0 || last === "drop") return whole;
  return last === "merge" && whole > 0 && 2 * rest <= size ? whole : whole + 1;
}

/**
 * Returns the range of rows in a batch.
 *
 * @param rows The number of rows.
 * @param cut How the rows are divided into batches.
 * @param batch The batch's number, from 0.
 * @returns The first row of the batch, and the row after its last.
 */
export function batchRange(
  rows: number,
  cut: BatchCut,
  batch: number,
): [start: number, end: number] {
  const start = batch * cut.size, isLast = batch === batchCount(rows, cut) - 1;
  return [start, isLast && cut.last !== "drop" ? rows : start + cut.size];
}

/**
 * Returns a random permutation (Fisher–Yates shuffle).
 *
 * @param rows The number of rows.
 * @param random The source of random numbers.
 */
export function shuffled(rows: number, random: Random): Uint32Array<ArrayBuffer> {
  // `Uint32Array.from` takes ten times as long for a million rows.
  const order = new Uint32Array(rows);
  for (let row = 1; row < rows; row++) order[row] = row;
  for (let last = rows - 1; last > 0; last--) {
    const other = random.integer(0, last);
    const row = order[last]!;
    order[last] = order[other]!;
    order[other] = row;
  }
  return order;
}
