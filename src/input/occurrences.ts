import type { Values } from "../stages/batch.ts";

/**
 * Counts how often each of some whole numbers from 0 occurs. Negative ones, which stand for empty
 * places, do not count.
 */
export class Occurrences {
  #counts = new Float64Array(64);
  /** How many numbers were counted. */
  total = 0;

  /**
   * Counts numbers.
   *
   * @param values The numbers of some rows, as many of each row.
   * @param rows How many rows.
   * @param dropped 1 for rows that do not count.
   */
  add(values: Values, rows: number, dropped?: Uint8Array): void {
    const size = values.length / rows;
    for (let row = 0; row < rows; row++) {
      if (dropped?.[row]) continue;
      for (let index = row * size; index < (row + 1) * size; index++) {
        const value = values[index]!;
        if (value < 0) continue;
        if (value >= this.#counts.length) this.#grow(value);
        this.#counts[value]!++;
        this.total++;
      }
    }
  }

  /**
   * How often a number occurs.
   *
   * @param value The number.
   */
  of(value: number): number {
    return this.#counts[value] ?? 0;
  }

  #grow(value: number): void {
    const longer = new Float64Array(Math.max(value + 1, 2 * this.#counts.length));
    longer.set(this.#counts);
    this.#counts = longer;
  }
}
