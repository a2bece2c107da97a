/**
 * Maps the values of a column to ids.
 *
 * @module
 */

import { indexesOf, LargeMap } from "../base/large_map.ts";
import { WeakCache } from "../base/weak_cache.ts";
import type { IdOptions } from "../pipeline/data_options.ts";
import type { ColumnSpec, IdSpec, Values } from "../stages/batch.ts";
import { Occurrences } from "./occurrences.ts";

/** The id at the empty positions after the last value of a list. */
export const PADDING = -1;

/** The `ids` options of a feature, resolved if they refer to another feature. */
export interface IdRequest {
  /** The options. */
  readonly options: IdOptions;
  /** The feature that defines the ids: the feature itself, or the one that `of` names. */
  readonly name: string;
  /** Whether the ids are defined by another feature of the same split. */
  readonly borrowed: boolean;
}

/**
 * The counts of a feature's values in all rows of a source, without rows that are dropped because
 * of nulls.
 */
export interface IdCounts {
  /** The total number of occurrences of all values. */
  readonly values: number;
  /** How often values occur that are not in the vocabulary and therefore have the unknown id. */
  readonly unknown: number;
  /**
   * The number of values that occur only once, if the vocabulary was built from these rows;
   * undefined if it was known before.
   */
  readonly once: number | undefined;
}

/**
 * The ids of vocabularies, of strings and of numbers, as long as something uses them: indexing a
 * vocabulary of a million values takes seconds, and a server makes a decoder for each schema.
 */
const indexes = [0, 1].map(() => new WeakCache<readonly string[], LargeMap<Key, number>>());

/**
 * Returns the ids of the values of a vocabulary. The vocabulary must not be changed afterwards.
 *
 * @param vocabulary The values, by id. Calls with the same array return the same map.
 * @param numbers Whether the values are whole numbers and not strings.
 */
export function idsOf(vocabulary: readonly string[], numbers: boolean): LargeMap<Key, number> {
  return indexes[Number(numbers)]!.of(
    vocabulary,
    () => indexesOf<Key>(numbers ? vocabulary.map(keyOf) : vocabulary),
  );
}

/**
 * Maps values to ids. The ids of a vocabulary that is built while rows are read are provisional
 * until {@linkcode IdMaker.finish} sorts the vocabulary; all other ids are final immediately.
 */
export class IdMaker {
  readonly #request: IdRequest;
  /** The ids of values in a vocabulary. It changes only if the vocabulary is built from these rows. */
  readonly #ids: LargeMap<Key, number>;
  readonly #vocabulary: readonly string[] | undefined;
  readonly #numbers: boolean;
  /** How often each value occurs, by its provisional id. */
  readonly #occurrences = new Occurrences();
  #counts: IdCounts | undefined;

  /**
   * Creates a mapping.
   *
   * @param request The options for ids.
   * @param numbers Whether the values are whole numbers and not strings.
   * @param known The vocabulary of the training split, if another split is read.
   */
  constructor(request: IdRequest, numbers: boolean, known?: readonly string[]) {
    this.#request = request;
    this.#numbers = numbers;
    const { options } = request;
    this.#vocabulary = isList(options) ? options : known;
    this.#ids = this.#vocabulary ? idsOf(this.#vocabulary, numbers) : new LargeMap();
  }

  /** The number of ids; undefined if they come from a vocabulary. */
  get count(): number | undefined {
    const { options } = this.#request;
    if (typeof options === "string" || isList(options)) return undefined;
    return "hash" in options ? options.hash : "count" in options ? options.count : undefined;
  }

  /** The whole numbers from 0 to below this one are their own ids. */
  get own(): number {
    const { options } = this.#request;
    return typeof options === "object" && "count" in options ? options.count : 0;
  }

  /**
   * Returns the id of a value.
   *
   * @param value The value.
   * @returns The id, or undefined for a number that is not a valid id (`ids: { count }`).
   */
  id(value: string | number | bigint): number | undefined {
    const { options } = this.#request;
    if (typeof options === "object" && "hash" in options) return hashedId(value, options.hash);
    if (typeof options === "object" && "count" in options) {
      const id = Number(value);
      return Number.isInteger(id) && id >= 0 && id < options.count ? id : undefined;
    }
    const key = this.#numbers ? keyOf(value) : String(value);
    const id = this.#ids.get(key);
    if (id !== undefined) return id;
    if (this.#vocabulary) return this.#vocabulary.length;
    this.#ids.set(key, this.#ids.size);
    return this.#ids.size - 1;
  }

  /**
   * Counts the ids of some rows, if they come from a vocabulary.
   *
   * @param values The ids from {@linkcode IdMaker.id}, including empty positions of lists.
   * @param rows The number of rows.
   * @param dropped 1 for rows that are not counted.
   */
  tally(values: Values, rows: number, dropped: Uint8Array | undefined): void {
    if (this.count === undefined) this.#occurrences.add(values, rows, dropped);
  }

  /**
   * The counts from {@linkcode IdMaker.tally} after {@linkcode IdMaker.finish}; undefined for ids
   * that do not come from a vocabulary.
   */
  get counts(): IdCounts | undefined {
    return this.#counts;
  }

  /** The most frequent value, if the vocabulary is built from these rows. */
  get mostFrequent(): { readonly value: string; readonly count: number } | undefined {
    let most: { readonly value: Key; readonly count: number } | undefined;
    for (const [value, id] of this.#ids) {
      const count = this.#occurrences.of(id);
      if (count > (most?.count ?? 0)) most = { value, count };
    }
    return most && { ...most, value: String(most.value) };
  }

  /**
   * Makes ids final, in place.
   *
   * @param chunks The ids of all rows.
   * @param lender The feature that defines the vocabulary, if it is another one.
   * @returns The kind and number of ids, and their vocabulary.
   */
  finish(
    chunks: readonly { readonly values: Values }[],
    lender: ColumnSpec | undefined,
  ): Pick<ColumnSpec, "vocabulary"> & Pick<IdSpec, "kind" | "count"> {
    const { options } = this.#request;
    if (this.count !== undefined) {
      const kind = typeof options === "object" && "hash" in options ? "hash" : "count";
      return { kind, count: this.count };
    }
    const kind = "vocabulary", occurrences = this.#occurrences, { total: values } = occurrences;
    if (this.#vocabulary) {
      const unknown = occurrences.of(this.#vocabulary.length);
      this.#counts = { values, unknown, once: undefined };
      return { kind, vocabulary: this.#vocabulary, count: this.#vocabulary.length + 1 };
    }
    const found = [...this.#ids.keys()];
    const least = isTrainingIds(options) ? options.minCount : 0;
    const frequent = found.filter((_, id) => occurrences.of(id) >= least);
    const isAll = frequent.length === 0 && isTrainingIds(options) && options.orAll;
    const vocabulary = lender?.vocabulary ?? this.#sorted(isAll ? found : frequent).map(String);
    const places = indexesOf(vocabulary);
    const final = Int32Array.from(
      found,
      (value) => places.get(String(value)) ?? vocabulary.length,
    );
    let unknown = 0, once = 0;
    final.forEach((id, before) => {
      const count = occurrences.of(before);
      if (id === vocabulary.length) unknown += count;
      else if (count === 1) once++;
    });
    this.#counts = { values, unknown, once };
    for (const { values } of chunks) {
      for (let index = 0; index < values.length; index++) {
        if (values[index] !== PADDING) values[index] = final[values[index]!] ?? 0;
      }
    }
    return { kind, vocabulary, count: vocabulary.length + 1 };
  }

  #sorted(found: Key[]): Key[] {
    return this.#numbers ? found.toSorted(byValue) : found.toSorted();
  }
}

/**
 * The key that represents a value in a map of ids: a number or a text. Whole numbers that a double
 * cannot represent exactly are stored as text.
 */
export type Key = string | number;

/**
 * Returns the key of a number: the number itself, or its decimal text if it is a whole number from
 * 2⁵³, where not all whole numbers are doubles.
 *
 * @param value The number, or its text.
 */
export function keyOf(value: string | number | bigint): Key {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  if (typeof value !== "number") return String(value);
  // A column of floats can have such numbers, too.
  return Number.isInteger(value) ? String(BigInt(value)) : value;
}

/**
 * Compares whole numbers by their keys, for sorting.
 *
 * @param a The first key.
 * @param b The second key.
 */
export function byValue(a: Key, b: Key): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  // Texts are numbers that are too large for doubles; the fill value for nulls may be any text.
  const [one, other] = [a, b].map((key) => /^-?\d+$/.test(`${key}`) ? BigInt(key) : undefined);
  if (one === undefined || other === undefined) {
    return Number(one === undefined) - Number(other === undefined) || (a < b ? -1 : +(a > b));
  }
  return one < other ? -1 : +(one > other);
}

/**
 * Returns the hash bucket of a value: the 32-bit FNV-1a hash of its UTF-8 text, passed through the
 * finalizer of MurmurHash3, modulo the number of buckets. A whole number has the id of its decimal
 * text. The id depends on nothing else, so other programs can compute it.
 *
 * @param value The value.
 * @param buckets The number of ids.
 */
export function hashedId(value: string | number | bigint, buckets: number): number {
  const text = String(value);
  let hash = 0x811C9DC5;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7F) return mixed(hashOfBytes(encoder.encode(text))) % buckets;
    hash = Math.imul(hash ^ unit, 0x01000193);
  }
  return mixed(hash) % buckets;
}

const encoder = new TextEncoder();

function hashOfBytes(bytes: Uint8Array): number {
  let hash = 0x811C9DC5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}

function mixed(hash: number): number {
  let value = hash;
  value = Math.imul(value ^ (value >>> 16), 0x85EBCA6B);
  value = Math.imul(value ^ (value >>> 13), 0xC2B2AE35);
  return (value ^ (value >>> 16)) >>> 0;
}

/**
 * Checks whether the option `ids` of a feature is `{ train: true, minCount }`, which gives ids to
 * sufficiently frequent values of the training rows.
 *
 * @param options The options for ids.
 */
export const isTrainingIds = (
  options: IdOptions,
): options is Extract<IdOptions, { readonly train: true }> =>
  typeof options === "object" && "train" in options;

const isList = (options: IdOptions): options is readonly string[] => Array.isArray(options);
