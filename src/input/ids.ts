/**
 * How the values of a column become ids.
 *
 * @module
 */

import type { IdOptions } from "../pipeline/data_options.ts";
import type { ColumnSpec, IdSpec, Values } from "../stages/batch.ts";
import { Occurrences } from "./occurrences.ts";

/** Stands in a list's places behind its last value. */
export const PADDING = -1;

/** How a feature's values become ids, and under which name. */
export interface IdRequest {
  /** How. */
  readonly options: IdOptions;
  /** The feature whose ids they are: itself, or the one that `of` names. */
  readonly name: string;
  /** Whether the vocabulary is that of another feature of the same split. */
  readonly borrowed: boolean;
}

/**
 * How often values of a feature occur, all rows of a source together but for those that a null
 * drops.
 */
export interface IdCounts {
  /** How many values there are, each time that they occur. */
  readonly values: number;
  /** How many of them have no id of their own: they have the unknown one. */
  readonly unknown: number;
  /**
   * How many values of a vocabulary that was found in these rows occur once; undefined for one that
   * was known.
   */
  readonly once: number | undefined;
}

/**
 * Makes ids of values. Those of a vocabulary that is found while reading are final once
 * {@linkcode IdMaker.finish} has put it in order; all others are at once.
 */
export class IdMaker {
  readonly #request: IdRequest;
  /** What a value's id is, for vocabularies. */
  readonly #ids = new Map<Key, number>();
  readonly #vocabulary: readonly string[] | undefined;
  readonly #numbers: boolean;
  /** How often each value occurs, by its id before ids are final. */
  readonly #occurrences = new Occurrences();
  #counts: IdCounts | undefined;

  /**
   * Takes what is known beforehand.
   *
   * @param request How values become ids.
   * @param numbers Whether the values are whole numbers rather than strings.
   * @param known The vocabulary of the training split, if this is another one.
   */
  constructor(request: IdRequest, numbers: boolean, known?: readonly string[]) {
    this.#request = request;
    this.#numbers = numbers;
    const { options } = request;
    this.#vocabulary = isList(options) ? options : known;
    this.#vocabulary?.forEach((value, id) => this.#ids.set(numbers ? keyOf(value) : value, id));
  }

  /** How many ids there are, for those that are not of a vocabulary. */
  get count(): number | undefined {
    const { options } = this.#request;
    if (typeof options === "string" || isList(options)) return undefined;
    return "hash" in options ? options.hash : "count" in options ? options.count : undefined;
  }

  /**
   * The id of a value.
   *
   * @param value The value.
   * @returns The id, or undefined for a number that should be an id and is none.
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
   * Counts ids as rows have them, where they are of a vocabulary.
   *
   * @param values The ids of some rows that {@linkcode IdMaker.id} has made, with empty places of
   *   lists.
   * @param rows How many rows.
   * @param dropped 1 for rows that do not count.
   */
  tally(values: Values, rows: number, dropped: Uint8Array | undefined): void {
    if (this.count === undefined) this.#occurrences.add(values, rows, dropped);
  }

  /**
   * What {@linkcode IdMaker.tally} has counted, once ids are final; undefined for ids that are not
   * of a vocabulary.
   */
  get counts(): IdCounts | undefined {
    return this.#counts;
  }

  /** The value that occurs most often, where the vocabulary is found in these rows. */
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
   * @param lender What the feature is whose vocabulary it has, if it has another one's.
   * @returns What the ids are.
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
    const vocabulary = lender?.vocabulary ??
      this.#sorted(found.filter((_, id) => occurrences.of(id) >= least)).map(String);
    const places = new Map(vocabulary.map((value, id) => [value, id]));
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
 * What a value is told apart by: a number, or text, also that of a number which a double cannot
 * hold exactly.
 */
export type Key = string | number;

/**
 * What a whole number is told apart by. Those of 64 bits have their decimal text where a double
 * cannot hold them exactly.
 *
 * @param value The number, or its text.
 */
export function keyOf(value: string | number | bigint): Key {
  const number = Number(value);
  return Number.isSafeInteger(number) || typeof value === "number" ? number : String(value);
}

/**
 * Compares whole numbers by their keys, for sorting.
 *
 * @param a The one.
 * @param b The other.
 */
export function byValue(a: Key, b: Key): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  // Texts stand for numbers that may differ by less than a double can tell; what fills nulls may be
  // any text.
  const [one, other] = [a, b].map((key) => /^-?\d+$/.test(`${key}`) ? BigInt(key) : undefined);
  if (one === undefined || other === undefined) {
    return Number(one === undefined) - Number(other === undefined) || (a < b ? -1 : +(a > b));
  }
  return one < other ? -1 : +(one > other);
}

/**
 * The id of a value among a number of buckets: the 32-bit FNV-1a hash of its text in UTF-8, mixed
 * as MurmurHash3 ends, modulo the number of buckets. A whole number has the id of its decimal text.
 * It depends on nothing else, so that other programs can compute it.
 *
 * @param value The value.
 * @param buckets How many ids there are.
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
 * Whether ids are those values of the training rows that occur often enough.
 *
 * @param options How values become ids.
 */
export const isTrainingIds = (
  options: IdOptions,
): options is Extract<IdOptions, { readonly train: true }> =>
  typeof options === "object" && "train" in options;

const isList = (options: IdOptions): options is readonly string[] => Array.isArray(options);
