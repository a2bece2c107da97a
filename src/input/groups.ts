/**
 * Batches that keep the rows of a group together, such as the rows of a user.
 *
 * @module
 */

import { appendTo } from "../base/long_lists.ts";
import { LargeMap } from "../base/large_map.ts";
import { createRandom, deriveSeed, type Random } from "../base/random.ts";
import type { Pass } from "./batches.ts";
import { lastAtMost } from "./bounds.ts";
import { shuffled } from "./order.ts";

/** The rows of a split by group, in a form that can be sent to another thread. */
export interface GroupedRows {
  /** All rows: one group after another, and each group's rows in their order. */
  readonly rows: Uint32Array;
  /** The position in `rows` of each group's first row, followed by the number of rows. */
  readonly bounds: Uint32Array;
  /**
   * The groups that are shuffled together, if rows are shuffled in windows. By default, all groups
   * are.
   */
  readonly windows?: readonly Uint32Array[] | undefined;
}

/**
 * Sorts rows by their group. Groups are in the order of their first rows.
 *
 * @param groupOf A whole number from 0 for each row. Equal numbers mean the same group.
 */
export function groupRows(groupOf: ArrayLike<number>): GroupedRows {
  const numbers = new LargeMap<number, number>(), counts: number[] = [];
  const own = Uint32Array.from(groupOf, (group) => {
    let number = numbers.get(group);
    if (number === undefined) numbers.set(group, number = counts.push(0) - 1);
    counts[number]!++;
    return number;
  });
  const bounds = boundsOf(counts), next = bounds.slice(), rows = new Uint32Array(own.length);
  for (let row = 0; row < own.length; row++) rows[next[own[row]!]!++] = row;
  return { rows, bounds };
}

/**
 * Finds the largest group.
 *
 * @param groups The groups; at least one.
 * @returns The number of its rows, and the first of them.
 */
export function largestGroup({ rows, bounds }: GroupedRows): { rows: number; first: number } {
  let largest = 0;
  for (let group = 1; group < bounds.length - 1; group++) {
    if (countOf(bounds, group) > countOf(bounds, largest)) largest = group;
  }
  return { rows: countOf(bounds, largest), first: rows[bounds[largest]!]! };
}

/**
 * Divides groups with too many rows into parts whose numbers of rows differ by at most 1. Each part
 * consists of consecutive rows of its group and is treated as a group.
 *
 * @param groups The groups.
 * @param most The maximum number of rows in a part.
 */
export function divideGroups({ rows, bounds }: GroupedRows, most: number): GroupedRows {
  const starts: number[] = [];
  for (let group = 0; group < bounds.length - 1; group++) {
    const start = bounds[group]!, count = countOf(bounds, group), parts = Math.ceil(count / most);
    for (let part = 0; part < parts; part++) starts.push(start + Math.floor(part * count / parts));
  }
  return { rows, bounds: Uint32Array.from([...starts, rows.length]) };
}

/** The record batches from which rows are read if they are shuffled in windows. */
export interface Windowing {
  /** The first row of each record batch, followed by the number of rows. */
  readonly bounds: ArrayLike<number>;
  /** Returns the row of the source for a row of the split. */
  readonly sourceRow: (row: number) => number;
  /** The maximum number of rows in a window. */
  readonly rows: number;
  /** The run's seed. */
  readonly seed: number;
}

/**
 * Divides groups into windows: groups whose first rows are in the same few record batches. The
 * windows are the same in all epochs, so that all epochs have the same number of batches.
 *
 * @param groups The groups.
 * @param windowing The record batches, and the size of a window.
 * @returns The groups with their windows, and the number of record batches that an epoch reads.
 */
export function windowGroups(
  groups: GroupedRows,
  { bounds: batches, sourceRow, rows: most, seed }: Windowing,
): { readonly groups: GroupedRows; readonly reads: number } {
  const { rows, bounds } = groups;
  const batchOf = (position: number) => lastAtMost(batches, sourceRow(rows[position]!));
  // The groups whose first row is in the same record batch.
  const units = new Map<number, number[]>();
  for (let group = 0; group < bounds.length - 1; group++) {
    const batch = batchOf(bounds[group]!), unit = units.get(batch);
    if (unit) unit.push(group);
    else units.set(batch, [group]);
  }
  const all = [...units.values()], windows: number[][] = [];
  let filled = Infinity;
  for (const unit of shuffled(all.length, createRandom(deriveSeed(seed, "windows")))) {
    const own = all[unit]!, count = own.reduce((sum, group) => sum + countOf(bounds, group), 0);
    if (filled + count > most) {
      windows.push([]);
      filled = 0;
    }
    appendTo(windows.at(-1)!, own);
    filled += count;
  }
  let reads = 0;
  for (const window of windows) {
    const read = new Set<number>();
    for (const group of window) {
      for (let at = bounds[group]!; at < bounds[group + 1]!; at++) read.add(batchOf(at));
    }
    reads += read.size;
  }
  return {
    groups: { rows, bounds, windows: windows.map((window) => Uint32Array.from(window)) },
    reads,
  };
}

/** The order of all rows in an epoch, and where each batch starts. */
interface GroupedEpoch {
  readonly seed: number;
  readonly epoch: number;
  readonly rows: Uint32Array;
  readonly bounds: Uint32Array;
}

/** The batches of a pass over rows whose groups are kept together. */
export type GroupedPass = Pick<Pass, "training" | "size" | "epoch">;

/**
 * Divides the rows of a split into batches that keep each group together. The batches are a
 * function of the rows, the seed and the epoch, and their number is the same in all epochs.
 *
 * - For training, groups are distributed over batches once, the largest group first, each to the
 *   batch with the fewest rows so far. In each epoch, groups of equal size exchange their places at
 *   random, and the batches are in a new order.
 * - For evaluation, groups are in the order of their first rows, and each batch has as many groups
 *   as fit. A group that is larger than a batch is a batch of its own.
 */
export class Groups {
  readonly #groups: GroupedRows;
  #packed: { readonly size: number; readonly windows: readonly Packing[] } | undefined;
  #epoch: GroupedEpoch | undefined;
  #inOrder: { readonly size: number; readonly bounds: Uint32Array } | undefined;

  /**
   * Takes the groups of a split.
   *
   * @param groups The groups.
   */
  constructor(groups: GroupedRows) {
    this.#groups = groups;
  }

  /** The groups, in a form that can be sent to another thread. */
  get grouped(): GroupedRows {
    return this.#groups;
  }

  /**
   * Returns the number of batches in a pass.
   *
   * @param pass The pass.
   */
  count(pass: Pick<GroupedPass, "training" | "size">): number {
    if (!pass.training) return this.#ordered(pass.size).length - 1;
    return this.#packings(pass.size).reduce((sum, { starts }) => sum + starts.length - 1, 0);
  }

  /**
   * Returns the rows of a batch.
   *
   * @param pass The pass.
   * @param seed The run's seed.
   * @param batch The batch's number in the pass, from 0.
   */
  rows(pass: GroupedPass, seed: number, batch: number): Uint32Array {
    const { rows, bounds } = pass.training
      ? this.#epochOf(pass, seed)
      : { rows: this.#groups.rows, bounds: this.#ordered(pass.size) };
    return rows.subarray(bounds[batch]!, bounds[batch + 1]!);
  }

  /**
   * Returns the numbers of rows in the smallest and in the largest training batch.
   *
   * @param size The maximum number of rows in a batch.
   */
  sizes(size: number): { readonly least: number; readonly most: number } {
    let least = Infinity, most = 0;
    const { bounds } = this.#epochOf({ training: true, size, epoch: 1 }, 0);
    for (let batch = 0; batch < bounds.length - 1; batch++) {
      least = Math.min(least, countOf(bounds, batch));
      most = Math.max(most, countOf(bounds, batch));
    }
    return { least, most };
  }

  /** Frees the order of the current epoch. */
  rest(): void {
    this.#epoch = undefined;
  }

  #ordered(size: number): Uint32Array {
    if (this.#inOrder?.size !== size) {
      const { bounds } = this.#groups, starts = [0];
      for (let group = 1; group < bounds.length - 1; group++) {
        if (bounds[group + 1]! - starts.at(-1)! > size) starts.push(bounds[group]!);
      }
      this.#inOrder = { size, bounds: Uint32Array.from([...starts, this.#groups.rows.length]) };
    }
    return this.#inOrder.bounds;
  }

  #packings(size: number): readonly Packing[] {
    if (this.#packed?.size !== size) {
      const { bounds, windows } = this.#groups;
      const all = windows ?? [Uint32Array.from({ length: bounds.length - 1 }, (_, group) => group)];
      this.#packed = { size, windows: all.map((groups) => packed(groups, bounds, size)) };
    }
    return this.#packed.windows;
  }

  #epochOf({ size, epoch }: GroupedPass, seed: number): GroupedEpoch {
    const known = this.#epoch, packings = this.#packings(size);
    if (known && known.seed === seed && known.epoch === epoch) return known;
    const random = createRandom(deriveSeed(seed, "shuffle", epoch, "groups"));
    const { rows, bounds } = this.#groups, order = new Uint32Array(rows.length);
    const batches: number[] = [];
    let filled = 0;
    for (const window of shuffled(packings.length, random)) {
      const { groups, members, starts } = packings[window]!;
      const placed = exchanged(groups, bounds, random);
      for (const batch of shuffled(starts.length - 1, random)) {
        batches.push(filled);
        for (let place = starts[batch]!; place < starts[batch + 1]!; place++) {
          const group = placed[members[place]!]!;
          const own = rows.subarray(bounds[group]!, bounds[group + 1]!);
          order.set(own, filled);
          filled += own.length;
        }
      }
    }
    batches.push(filled);
    return this.#epoch = { seed, epoch, rows: order, bounds: Uint32Array.from(batches) };
  }
}

/** Groups, distributed over batches. */
interface Packing {
  /** The groups, the largest first. */
  readonly groups: Uint32Array;
  /** Positions in `groups`, batch by batch. */
  readonly members: Uint32Array;
  /** The position in `members` of each batch's first group, followed by the number of groups. */
  readonly starts: Uint32Array;
}

/** The factor by which the number of batches grows until all groups fit. */
const GROWTH = 1.02;

/**
 * Distributes groups over as few batches as this simple rule needs: the largest group comes first,
 * and each goes to the batch with the fewest rows (Graham, Bounds on multiprocessing timing
 * anomalies, 1969). All batches then have nearly the same number of rows.
 */
function packed(given: Uint32Array, bounds: Uint32Array, size: number): Packing {
  const groups = given.toSorted((a, b) => countOf(bounds, b) - countOf(bounds, a) || a - b);
  const counts = groups.map((group) => countOf(bounds, group));
  const rows = counts.reduce((sum, count) => sum + count, 0);
  // Two groups of more than half a batch never fit together.
  let batches = Math.max(Math.ceil(rows / size), counts.filter((count) => 2 * count > size).length);
  let batchOf = distributed(counts, batches, size);
  while (!batchOf) {
    batches = Math.min(groups.length, Math.ceil(batches * GROWTH + 0.5));
    batchOf = distributed(counts, batches, size);
  }
  const sizes = new Array<number>(batches).fill(0);
  for (const batch of batchOf) sizes[batch]!++;
  const starts = boundsOf(sizes), next = starts.slice(), members = new Uint32Array(groups.length);
  batchOf.forEach((batch, at) => members[next[batch]!++] = at);
  return { groups, members, starts };
}

/** Returns the batch of each group; undefined if they do not fit. */
function distributed(
  counts: Uint32Array,
  batches: number,
  size: number,
): Uint32Array | undefined {
  const loads = new Uint32Array(batches), batchOf = new Uint32Array(counts.length);
  // A heap of the batches, with the one that has the fewest rows first.
  const heap = Uint32Array.from({ length: batches }, (_, batch) => batch);
  const isBefore = (a: number, b: number) =>
    loads[a]! < loads[b]! || loads[a] === loads[b] && a < b;
  for (const [at, count] of counts.entries()) {
    const batch = heap[0]!;
    if (loads[batch]! + count > size) return undefined;
    loads[batch]! += count;
    batchOf[at] = batch;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= batches) break;
      if (child + 1 < batches && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, batch)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = batch;
  }
  return batchOf;
}

/** Exchanges groups of equal size at random. */
function exchanged(groups: Uint32Array, bounds: Uint32Array, random: Random): Uint32Array {
  const placed = new Uint32Array(groups.length);
  for (let start = 0; start < groups.length;) {
    let end = start + 1;
    while (
      end < groups.length && countOf(bounds, groups[end]!) === countOf(bounds, groups[start]!)
    ) {
      end++;
    }
    for (const [at, other] of shuffled(end - start, random).entries()) {
      placed[start + at] = groups[start + other]!;
    }
    start = end;
  }
  return placed;
}

const countOf = (bounds: Uint32Array, at: number) => bounds[at + 1]! - bounds[at]!;

/** Returns where parts of some sizes start, followed by the sum of the sizes. */
function boundsOf(sizes: readonly number[]): Uint32Array {
  const bounds = new Uint32Array(sizes.length + 1);
  sizes.forEach((size, at) => bounds[at + 1] = bounds[at]! + size);
  return bounds;
}
