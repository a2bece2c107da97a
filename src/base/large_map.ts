/** The largest number of entries of a `Map` in V8. Adding another one throws a `RangeError`. */
const MOST = 2 ** 24;

/**
 * A `Map` without a limit on the number of its entries. A plain `Map` holds at most 2^24 entries
 * (16,777,216), which is fewer than the different values of some columns of large data sets.
 * Entries cannot be deleted.
 *
 * Up to 2^24 entries are in one `Map`, and are found as quickly as there. Each further 2^24 entries
 * are in a `Map` of their own, and a lookup goes through all of them until it finds the key.
 *
 * @example
 * ```ts
 * import { LargeMap } from "@rocket-launching/rocket/plugin";
 * import { assertEquals } from "@std/assert";
 *
 * // Numbers users in the order in which they occur.
 * const numbers = new LargeMap<number, number>();
 * for (const user of [17, 4, 17]) if (!numbers.has(user)) numbers.set(user, numbers.size);
 * assertEquals([...numbers], [[17, 0], [4, 1]]);
 * ```
 */
export class LargeMap<Key, Value> {
  readonly #limit: number;
  // A check in each lookup of whether there are several maps would make lookups 5 to 10 % slower.
  #entries: Map<Key, Value> | SeveralMaps<Key, Value> = new Map();

  /**
   * Creates an empty map.
   *
   * @param limit The number of entries after which another `Map` is started, from 1 to 2^24; smaller
   *   numbers are for tests.
   */
  constructor(limit: number = MOST) {
    this.#limit = limit;
  }

  /** The number of entries. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Returns the value of a key; undefined if the map does not have the key.
   *
   * @param key The key.
   */
  get(key: Key): Value | undefined {
    return this.#entries.get(key);
  }

  /**
   * Returns whether the map has a key.
   *
   * @param key The key.
   */
  has(key: Key): boolean {
    return this.#entries.has(key);
  }

  /**
   * Sets the value of a key. A key that the map already has keeps its position in the order.
   *
   * @param key The key.
   * @param value The value.
   * @returns The map itself.
   */
  set(key: Key, value: Value): this {
    if (this.#entries.size === this.#limit && this.#entries instanceof Map) {
      this.#entries = new SeveralMaps(this.#entries, this.#limit);
    }
    this.#entries.set(key, value);
    return this;
  }

  /** Returns the keys, in the order in which they were added. */
  keys(): Iterable<Key> {
    return this.#entries.keys();
  }

  /** Returns the values, in the order in which their keys were added. */
  values(): Iterable<Value> {
    return this.#entries.values();
  }

  /** Returns the entries, in the order in which their keys were added. */
  [Symbol.iterator](): Iterator<[Key, Value]> {
    return this.#entries[Symbol.iterator]();
  }
}

/** Entries in several maps, all of which except the last one are full. */
class SeveralMaps<Key, Value> {
  readonly #limit: number;
  readonly #maps: Map<Key, Value>[];

  constructor(first: Map<Key, Value>, limit: number) {
    this.#maps = [first];
    this.#limit = limit;
  }

  get size(): number {
    return (this.#maps.length - 1) * this.#limit + this.#maps.at(-1)!.size;
  }

  get(key: Key): Value | undefined {
    for (const map of this.#maps) {
      const value = map.get(key);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  has(key: Key): boolean {
    return this.#maps.some((map) => map.has(key));
  }

  set(key: Key, value: Value): void {
    let map = this.#maps.find((map) => map.has(key)) ?? this.#maps.at(-1)!;
    if (map.size === this.#limit && !map.has(key)) this.#maps.push(map = new Map());
    map.set(key, value);
  }

  *keys(): Generator<Key> {
    for (const map of this.#maps) yield* map.keys();
  }

  *values(): Generator<Value> {
    for (const map of this.#maps) yield* map.values();
  }

  *[Symbol.iterator](): Generator<[Key, Value]> {
    for (const map of this.#maps) yield* map;
  }
}

/**
 * Returns the index of each value of a list; of equal values, the index of the last one.
 *
 * @param values The values.
 */
export function indexesOf<Value>(values: readonly Value[]): LargeMap<Value, number> {
  const indexes = new LargeMap<Value, number>();
  for (let index = 0; index < values.length; index++) indexes.set(values[index]!, index);
  return indexes;
}
