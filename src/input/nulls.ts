/**
 * Replaces nulls by the mean or the median of the training rows. Until these are measured, nulls
 * are represented by NaN.
 *
 * @module
 */

import { type Place, UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Batch, Column, ColumnSpec, Values } from "../stages/batch.ts";
import { mapValues } from "../stages/parts.ts";
import { sizeOf } from "./columns.ts";

/**
 * The numbers that replace nulls, by feature. Each feature has one number for each value of a row,
 * so the length of the list is the product of the feature's shape. The object can be stored as
 * JSON.
 */
export type Fills = Readonly<Record<string, readonly number[]>>;

/** Returns the training rows from the start, batch by batch, each time it is called. */
export type TrainingBatches = () => AsyncIterable<Batch>;

/** Fills nulls with means and medians of the training rows. */
export class NullFiller {
  readonly #measures: Readonly<Record<string, "mean" | "median">>;
  readonly #shapes: Readonly<Record<string, readonly number[]>>;
  readonly #places: (feature: string) => Place | undefined;
  #fills: Fills | undefined;
  /** The features without nulls. */
  readonly features: Readonly<Record<string, ColumnSpec>>;

  /**
   * Creates a filler.
   *
   * @param features The features as read from the source.
   * @param places Returns the place of a feature in the pipeline file.
   */
  constructor(
    features: Readonly<Record<string, ColumnSpec>>,
    places: (feature: string) => Place | undefined = () => undefined,
  ) {
    this.#places = places;
    this.#measures = Object.fromEntries(
      Object.entries(features).flatMap(([name, { missing }]) => missing ? [[name, missing]] : []),
    );
    this.#shapes = mapValues(features, ({ shape }) => shape);
    this.features = mapValues(features, ({ missing: _, ...spec }) => spec);
  }

  /** Whether no feature has nulls to fill. */
  get idle(): boolean {
    return Object.keys(this.#measures).length === 0;
  }

  /**
   * Measures means and medians, which are used to fill nulls from now on. Both are exact for any
   * number of rows: sums are compensated, and medians are found by counting.
   *
   * @param batches The training rows.
   * @returns The means and medians.
   * @throws {UserError} If a feature is null in all rows.
   */
  async measure(batches: TrainingBatches): Promise<Fills> {
    const means = new Map<string, Means>(), medians = new Map<string, Medians>();
    for (const [name, measure] of Object.entries(this.#measures)) {
      const size = sizeOf(this.#shapes[name]!);
      if (measure === "mean") means.set(name, new Means(size));
      else medians.set(name, new Medians(size));
    }
    if (means.size > 0) {
      for await (const { features } of batches()) {
        for (const [name, mean] of means) mean.add(features[name]!.values);
      }
    }
    let open = [...medians];
    while (open.length > 0) {
      for await (const { features } of batches()) {
        for (const [name, median] of open) median.add(features[name]!.values);
      }
      open = open.filter(([, median]) => !median.narrow());
    }
    const fills: Record<string, readonly number[]> = {};
    for (const [name, measure] of Object.entries(this.#measures)) {
      const values = means.get(name)?.result() ?? medians.get(name)!.result();
      if (values.includes(NaN)) {
        throw new UserError(
          `the feature ${name} is null in all training rows, so it has no ${measure}`,
          {
            place: this.#places(name),
            hint: hint(
              "nulls/nothing-measured",
              `set a value that replaces nulls, such as nulls: { fill: 0 } in data.features.${name}`,
              { set: { [`/data/features/${name}/nulls`]: { fill: 0 } } },
            ),
          },
        );
      }
      fills[name] = values;
    }
    return this.#fills = fills;
  }

  /**
   * Restores means and medians that were measured before.
   *
   * @param fills The result of {@linkcode NullFiller.measure}.
   */
  restore(fills: Fills): void {
    this.#fills = fills;
  }

  /**
   * Returns a batch without nulls.
   *
   * @param batch The batch as read from the source; it is not modified.
   */
  apply(batch: Batch): Batch {
    if (this.idle) return batch;
    const filled = mapValues(this.#measures, (_, name): Column => {
      const column = batch.features[name]!;
      if (!column.values.some(Number.isNaN)) return column;
      if (!this.#fills) throw new Error("nulls were not measured yet");
      const fills = this.#fills[name]!, values = column.values.slice();
      for (let index = 0; index < values.length; index++) {
        if (Number.isNaN(values[index])) values[index] = fills[index % fills.length]!;
      }
      return { ...column, values };
    });
    return { ...batch, features: { ...batch.features, ...filled } };
  }
}

/** Means of the values of a row, by compensated sums (Neumaier, 1974). NaN is ignored. */
class Means {
  readonly #sums: Float64Array;
  readonly #lost: Float64Array;
  readonly #counts: Float64Array;

  constructor(size: number) {
    this.#sums = new Float64Array(size);
    this.#lost = new Float64Array(size);
    this.#counts = new Float64Array(size);
  }

  add(values: Values): void {
    const size = this.#sums.length;
    for (let index = 0; index < values.length; index++) {
      const value = values[index]!;
      if (Number.isNaN(value)) continue;
      const place = index % size, sum = this.#sums[place]!, next = sum + value;
      this.#lost[place]! += Math.abs(sum) >= Math.abs(value)
        ? (sum - next) + value
        : (value - next) + sum;
      this.#sums[place] = next;
      this.#counts[place]!++;
    }
  }

  result(): number[] {
    return Array.from(
      this.#sums,
      (sum, place) => (sum + this.#lost[place]!) / this.#counts[place]!,
    );
  }
}

/** The maximum number of counters: 32 MB. */
const maxCounters = 2 ** 22;

/**
 * Exact medians of the values of a row, in bounded memory. The bit patterns of doubles, with those
 * of negative numbers inverted, have the same order as the numbers. Each pass over the rows counts
 * the next few bits, which determines these bits of the median. NaN is ignored.
 */
class Medians {
  readonly #size: number;
  readonly #step: number;
  /** The number of bits that are not known yet. */
  #left = 64;
  #bits: number;
  /**
   * The known bits of two targets for each value of a row: the lower and the upper median.
   */
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  /** The rank of each target among the numbers with the same known bits. */
  readonly #ranks: Float64Array;
  #counts: Float64Array;
  #first = true;
  readonly #empty: Uint8Array;

  constructor(size: number) {
    this.#size = size;
    this.#step = Math.max(1, Math.min(16, Math.floor(Math.log2(maxCounters / (2 * size)))));
    this.#bits = this.#step;
    this.#high = new Uint32Array(2 * size);
    this.#low = new Uint32Array(2 * size);
    this.#ranks = new Float64Array(2 * size);
    this.#counts = new Float64Array(2 * size * 2 ** this.#bits);
    this.#empty = new Uint8Array(size);
  }

  add(values: Values): void {
    const size = this.#size, width = 2 ** this.#bits;
    for (let index = 0; index < values.length; index++) {
      const value = values[index]!;
      if (Number.isNaN(value)) continue;
      // Minus 0 is 0.
      number[0] = value + 0;
      let high = words[1]!, low = words[0]!;
      if (high >>> 31) {
        high = ~high >>> 0;
        low = ~low >>> 0;
      } else high = (high | 0x80000000) >>> 0;
      const place = 2 * (index % size), digit = this.#digit(high, low);
      for (let target = place; target < place + 2; target++) {
        if (this.#agrees(target, high, low)) this.#counts[target * width + digit]!++;
      }
    }
  }

  /** Determines the bits that were counted. Returns whether all bits are known. */
  narrow(): boolean {
    const width = 2 ** this.#bits;
    for (let target = 0; target < 2 * this.#size; target++) {
      const counts = this.#counts.subarray(target * width, (target + 1) * width);
      if (this.#first) {
        const all = counts.reduce((sum, count) => sum + count, 0);
        this.#empty[target >> 1] = Number(all === 0);
        this.#ranks[target] = target % 2 === 0 ? Math.floor((all - 1) / 2) : Math.floor(all / 2);
      }
      if (this.#empty[target >> 1]) continue;
      let digit = 0;
      for (; this.#ranks[target]! >= counts[digit]!; digit++) {
        this.#ranks[target]! -= counts[digit]!;
      }
      this.#know(target, digit);
    }
    this.#first = false;
    this.#left -= this.#bits;
    this.#bits = Math.min(this.#step, this.#left);
    this.#counts = new Float64Array(this.#left > 0 ? 2 * this.#size * 2 ** this.#bits : 0);
    return this.#left === 0;
  }

  result(): number[] {
    const values = Array.from(this.#high, (_, target) => this.#number(target));
    return Array.from(
      this.#empty,
      (empty, place) => empty ? NaN : (values[2 * place]! + values[2 * place + 1]!) / 2,
    );
  }

  /** Returns the bits of a number that are counted in this pass. */
  #digit(high: number, low: number): number {
    const shift = this.#left - this.#bits, mask = 2 ** this.#bits - 1;
    if (shift >= 32) return high >>> (shift - 32) & mask;
    if (shift === 0) return low & mask;
    return (low >>> shift | high << (32 - shift)) & mask;
  }

  /** Checks whether a number has the known bits of a target. */
  #agrees(target: number, high: number, low: number): boolean {
    if (this.#left === 64) return true;
    if (this.#left >= 32) {
      const shift = this.#left - 32;
      return shift === 0
        ? high === this.#high[target]
        : high >>> shift === this.#high[target]! >>> shift;
    }
    return high === this.#high[target] &&
      low >>> this.#left === this.#low[target]! >>> this.#left;
  }

  #know(target: number, digit: number): void {
    const shift = this.#left - this.#bits;
    if (shift >= 32) this.#high[target]! |= digit << (shift - 32);
    else {
      this.#low[target]! |= digit << shift;
      if (shift + this.#bits > 32) this.#high[target]! |= digit >>> (32 - shift);
    }
  }

  #number(target: number): number {
    const high = this.#high[target]!, low = this.#low[target]!;
    const negative = high >>> 31 === 0;
    words[1] = negative ? ~high : high & 0x7FFFFFFF;
    words[0] = negative ? ~low : low;
    return number[0]!;
  }
}

/** A double and its two halves; all machines that Deno supports are little-endian. */
const number = new Float64Array(1), words = new Uint32Array(number.buffer);
