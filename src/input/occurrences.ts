import type { Values } from "../stages/batch.ts";

/**
 * Counts how often whole numbers from 0 occur. Negative numbers mark empty positions of lists and
 * are not counted.
 */
export class Occurrences {
  #counts = new Float64Array(64);
  /** The total count of all numbers. */
  total = 0;

  /**
   * Counts the numbers of some rows.
   *
   * @param values The numbers; each row has the same number of them.
   * @param rows The number of rows.
   * @param dropped 1 for rows that are not counted.
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
   * Returns how often a number occurs.
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
