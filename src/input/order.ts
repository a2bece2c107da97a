/**
 * Which rows come when: pure functions of the seed.
 *
 * @module
 */

import type { LastBatch } from "../pipeline/plan.ts";
import { createRandom, deriveSeed, type Random } from "../base/random.ts";

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

/** Up to this many rows an order is a table, of 4 bytes a row. */
const maxInTable = 2 ** 22;

/** The order of the rows of an epoch. */
export interface EpochOrder {
  /**
   * The rows at some positions.
   *
   * @param start The first position.
   * @param end The one after the last.
   */
  at(start: number, end: number): Uint32Array;
}

/**
 * The order of the training rows in an epoch where any row can come after any other: all
 * permutations are alike up to 4 million rows. Of more, a table would grow with the data; there a
 * keyed permutation tells each position's row by itself.
 *
 * @param rows How many rows there are.
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
 * A permutation that needs no memory: a Feistel network over the smallest even number of bits that
 * hold all numbers, gone through again where it leaves them (Black and Rogaway, Ciphers with
 * arbitrary finite domains, 2002).
 *
 * @param count How many numbers, at most 2³².
 * @param random Where its keys come from.
 * @returns What each number becomes.
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
  /** The numbers of its record batches, in the epoch's order. */
  readonly batches: readonly number[];
  /** The position of its first row in the epoch. */
  readonly start: number;
  /** The position after its last row. */
  readonly end: number;
}

/**
 * The windows of an epoch: the record batches in the epoch's order, as many at a time as have so
 * many rows together, and one at least. Any position's window is known without reading those before
 * it.
 *
 * @param counts How many rows each record batch has.
 * @param rows The rows of a window, at most, but for record batches that have more.
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
 * The order of the rows of a window.
 *
 * @param rows How many rows it has.
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
 * Chooses some of the rows.
 *
 * @param from The rows to choose from, or how many there are.
 * @param count How many are chosen, at most as many as there are.
 * @param seed The run's seed.
 * @returns Their numbers; ascending, if those to choose from are.
 */
export function sampleRows(
  from: Uint32Array | number,
  count: number,
  seed: number,
): Uint32Array<ArrayBuffer> {
  const rows = typeof from === "number" ? from : from.length;
  const chosen = shuffled(rows, createRandom(deriveSeed(seed, "rows"))).slice(0, count).sort();
  return typeof from === "number" ? chosen : chosen.map((row) => from[row]!);
}

/** How rows are cut into batches. */
export interface BatchCut {
  /** The rows of a batch. */
  readonly size: number;
  /**
   * What becomes of a rest of fewer rows than a batch. keep: it is a batch. merge: it joins the
   * batch before it if it has at most half as many rows as a batch, and is a batch otherwise. drop:
   * it is left out.
   */
  readonly last: LastBatch;
}

/**
 * How many batches rows are cut into.
 *
 * @param rows How many rows there are.
 * @param cut How they are cut.
 */
export function batchCount(rows: number, { size, last }: BatchCut): number {
  const whole = Math.floor(rows / size), rest = rows % size;
  if (rest === 0 || last === "drop") return whole;
  return last === "merge" && whole > 0 && 2 * rest <= size ? whole : whole + 1;
}

/**
 * The rows of a batch.
 *
 * @param rows How many rows there are.
 * @param cut How they are cut into batches.
 * @param batch The batch's number, from 0.
 * @returns Its first row and the one after its last.
 */
export function batchRange(
  rows: number,
  cut: BatchCut,
  batch: number,
): [start: number, end: number] {
  const start = batch * cut.size, isLast = batch === batchCount(rows, cut) - 1;
  return [start, isLast && cut.last !== "drop" ? rows : start + cut.size];
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
