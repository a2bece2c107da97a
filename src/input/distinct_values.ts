/** Numbers different values from 0 in the order in which they are seen. */
export class DistinctValues<T> {
  readonly #ids = new Map<T, number>();
  readonly #values: T[] = [];

  /**
   * Returns the number of a value.
   *
   * @param value The value.
   */
  idOf(value: T): number {
    let id = this.#ids.get(value);
    if (id === undefined) this.#ids.set(value, id = this.#values.push(value) - 1);
    return id;
  }

  /**
   * Returns a value by its number.
   *
   * @param id The number.
   */
  valueOf(id: number): T {
    return this.#values[id]!;
  }
}
