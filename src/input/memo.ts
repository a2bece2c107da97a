/**
 * Remembers the ids of values that occur again and again, so that a text need not be decoded and
 * looked up for each row. Both kinds are caches of bounded size: a value may be forgotten, and its
 * id is then looked up again. An attacker who chooses values that collide makes them slow at most.
 *
 * @module
 */

import { WeakCache } from "../base/weak_cache.ts";

/** The number of places that are searched for a value. */
const PROBES = 32;

/** The binary logarithms of the numbers of slots at the start and at most, which take 4 MB. */
const LEAST_BITS = 8, MOST_BITS = 18;

/** The size of the longest text that is remembered, in bytes, and of all long ones, in words. */
const LONGEST = 256, MOST_WORDS = 2 ** 21;

/**
 * The numbers of a slot. The key consists of the upper bits of the hash and of the length. A text of
 * at most 8 bytes is in the slot itself; of a longer one, the slot has its start and its first
 * word. The id is stored as id + 1, which is 0 if the slot is free.
 */
const KEY = 0, START = 1, WORD = 2, ID = 3;

/** The bits of a key that are the length. */
const LENGTH = 0x1FF;

const encoder = new TextEncoder();

/** Remembers the ids of texts by their bytes, which are hashed and compared four at a time. */
export class TextMemo {
  #bits = LEAST_BITS;
  #slots = new Int32Array(4 << LEAST_BITS);
  #count = 0;
  /** The remembered long texts. Each starts with a new word, and zeros fill its last word. */
  #words = new Int32Array(2 ** 10);
  #used = 0;
  /** The bytes of the last text, which usually contain the next text as well, and their words. */
  #bytes = new Uint8Array();
  #view = new DataView(this.#bytes.buffer);
  #other = -1;
  #isLossy = false;

  /**
   * The id of all texts that are not remembered, if every other text is remembered; otherwise −1.
   */
  get other(): number {
    return this.#other;
  }

  /**
   * Returns the id of a text; −1 if it is not remembered.
   *
   * @param bytes Bytes that contain the text in UTF-8.
   * @param start The start of the text.
   * @param end The end of the text.
   */
  get(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length > LONGEST) return -1;
    const view = this.#viewOf(bytes), first = wordAt(view, start, end);
    const slots = this.#slots, mask = (1 << this.#bits) - 1, shift = 32 - this.#bits;
    if (length <= 8) {
      const second = length > 4 ? wordAt(view, start + 4, end) : 0;
      const key = keyOf(shortHash(first, second, length), length);
      for (let probe = 0; probe < PROBES; probe++) {
        const slot = 4 * ((key >>> shift) + probe & mask), id = slots[slot + ID]!;
        if (id === 0) return -1;
        if (slots[slot + KEY] === key && slots[slot + START] === first) {
          if (slots[slot + WORD] === second) return id - 1;
        }
      }
      return -1;
    }
    const key = keyOf(longHash(view, start, end), length);
    for (let probe = 0; probe < PROBES; probe++) {
      const slot = 4 * ((key >>> shift) + probe & mask), id = slots[slot + ID]!;
      if (id === 0) return -1;
      if (slots[slot + KEY] !== key || slots[slot + WORD] !== first) continue;
      if (this.#isSame(slots[slot + START]!, view, start, end)) return id - 1;
    }
    return -1;
  }

  #isSame(word: number, view: DataView, start: number, end: number): boolean {
    const own = this.#words;
    for (let at = start; at < end; at += 4, word++) {
      if (own[word] !== wordAt(view, at, end)) return false;
    }
    return true;
  }

  /**
   * Remembers the id of a text that {@linkcode TextMemo.get} did not find.
   *
   * @param bytes Bytes that contain the text in UTF-8.
   * @param start The start of the text.
   * @param end The end of the text.
   * @param id The id, 0 or more.
   */
  set(bytes: Uint8Array, start: number, end: number, id: number): void {
    const length = end - start, view = this.#viewOf(bytes), first = wordAt(view, start, end);
    if (length > LONGEST) {
      this.#isLossy = true;
      return;
    }
    if (length <= 8) {
      const second = length > 4 ? wordAt(view, start + 4, end) : 0;
      this.#add(keyOf(shortHash(first, second, length), length), first, second, id + 1);
      return;
    }
    const count = (length + 3) >> 2, word = this.#used + count > MOST_WORDS ? 0 : this.#used;
    if (word < this.#used) this.#forget();
    if (word + count > this.#words.length) {
      const longer = new Int32Array(Math.max(2 * this.#words.length, word + count));
      longer.set(this.#words);
      this.#words = longer;
    }
    for (let at = start; at < end; at += 4) this.#words[this.#used++] = wordAt(view, at, end);
    this.#add(keyOf(longHash(view, start, end), length), word, first, id + 1);
  }

  /**
   * Remembers texts whose ids are known, as many as there is room for. If all are remembered,
   * {@linkcode TextMemo.other} is the id of all other texts from then on.
   *
   * @param texts The texts in the order of their ids.
   */
  fill(texts: readonly string[]): void {
    const many = texts.slice(0, 2 ** MOST_BITS / 2), joined = many.join("");
    const bytes = encoder.encode(joined), isAscii = bytes.length === joined.length;
    let start = 0;
    for (const [id, text] of many.entries()) {
      const end = start + (isAscii ? text.length : encoder.encode(text).length);
      this.set(bytes, start, end, id);
      start = end;
    }
    if (many.length === texts.length && !this.#isLossy) this.#other = texts.length;
  }

  #viewOf(bytes: Uint8Array): DataView {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes as Uint8Array<ArrayBuffer>;
      this.#view = new DataView(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
    }
    return this.#view;
  }

  #add(key: number, start: number, word: number, id: number): void {
    if (this.#count >= 1 << this.#bits - 1 && this.#bits < MOST_BITS) this.#grow();
    this.#place(key, start, word, id);
  }

  #place(key: number, start: number, word: number, id: number): void {
    const slots = this.#slots, mask = (1 << this.#bits) - 1, place = key >>> 32 - this.#bits;
    let probe = 0;
    while (probe < PROBES && slots[4 * (place + probe & mask) + ID] !== 0) probe++;
    if (probe < PROBES) this.#count++;
    else this.#isLossy = true;
    const slot = 4 * (place + (probe < PROBES ? probe : 0) & mask);
    slots[slot + KEY] = key;
    slots[slot + START] = start;
    slots[slot + WORD] = word;
    slots[slot + ID] = id;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Int32Array(2 * before.length);
    this.#bits++;
    this.#count = 0;
    for (let slot = 0; slot < before.length; slot += 4) {
      const id = before[slot + ID]!;
      if (id === 0) continue;
      this.#place(before[slot + KEY]!, before[slot + START]!, before[slot + WORD]!, id);
    }
  }

  #forget(): void {
    this.#slots.fill(0);
    this.#count = 0;
    this.#used = 0;
    this.#isLossy = true;
  }
}

const memos = new WeakCache<readonly string[], TextMemo>();

/**
 * Returns the {@linkcode TextMemo} of a vocabulary, which stores the ids of texts. Decoders of the
 * same vocabulary share it as long as one of them is used.
 *
 * @param vocabulary The texts, by id.
 */
export function textMemoOf(vocabulary: readonly string[]): TextMemo {
  return memos.of(vocabulary, () => {
    const memo = new TextMemo();
    memo.fill(vocabulary);
    return memo;
  });
}

/** Returns the bytes from an index as a number: 4 bytes, or as many as the text still has. */
function wordAt(view: DataView, at: number, end: number): number {
  if (at + 4 <= end) return view.getInt32(at, true);
  if (at + 4 <= view.byteLength) return view.getInt32(at, true) & (1 << 8 * (end - at)) - 1;
  let word = 0;
  for (let index = end - 1; index >= at; index--) word = word << 8 | view.getUint8(index);
  return word;
}

const keyOf = (hash: number, length: number) => hash & ~LENGTH | length;

/** Hashes a text of two words. The upper bits choose the slot. */
function shortHash(first: number, second: number, length: number): number {
  let hash = Math.imul(first ^ length, 0x9E3779B1);
  hash = Math.imul(hash ^ hash >>> 15 ^ second, 0x85EBCA6B);
  return Math.imul(hash ^ hash >>> 13, 0xC2B2AE35);
}

/** Hashes a text of any length. The upper bits choose the slot. */
function longHash(view: DataView, start: number, end: number): number {
  let hash = end - start;
  for (let at = start; at < end; at += 4) {
    hash = Math.imul(hash ^ wordAt(view, at, end), 0x9E3779B1);
    hash ^= hash >>> 15;
  }
  return Math.imul(hash, 0x85EBCA6B);
}

/** The numbers of slots at the start and at most. */
const LEAST_SLOTS = 2 ** LEAST_BITS, MOST_SLOTS = 2 ** MOST_BITS;

/** The numbers below this have ids in an array of their own. */
const MOST_SMALL = 2 ** 18;

/** Caches the ids of whole numbers that have occurred before. */
export class NumberMemo {
  #mask = LEAST_SLOTS - 1;
  #numbers = new Float64Array(LEAST_SLOTS);
  /** Each id + 1; 0 if the slot is free. */
  #ids = new Int32Array(LEAST_SLOTS);
  #count = 0;
  /** The id + 1 of each small number. */
  #small = new Int32Array(LEAST_SLOTS);

  /**
   * Returns the id of a number; −1 if it is not remembered.
   *
   * @param value The number.
   */
  get(value: number): number {
    const index = value | 0;
    if (index === value && index >= 0 && index < MOST_SMALL) {
      return index < this.#small.length ? this.#small[index]! - 1 : -1;
    }
    const hash = hashOfNumber(value), mask = this.#mask;
    for (let probe = 0; probe < PROBES; probe++) {
      const slot = hash + probe & mask, id = this.#ids[slot]!;
      if (id === 0) return -1;
      if (this.#numbers[slot] === value) return id - 1;
    }
    return -1;
  }

  /**
   * Remembers the id of a number that {@linkcode NumberMemo.get} did not find.
   *
   * @param value The number.
   * @param id The id, 0 or more.
   */
  set(value: number, id: number): void {
    const index = value | 0;
    if (index === value && index >= 0 && index < MOST_SMALL) return this.#setSmall(index, id);
    if (2 * this.#count > this.#mask && this.#mask < MOST_SLOTS - 1) this.#grow();
    this.#place(value, id + 1);
  }

  #setSmall(index: number, id: number): void {
    if (index >= this.#small.length) {
      const longer = new Int32Array(2 ** (32 - Math.clz32(index)));
      longer.set(this.#small);
      this.#small = longer;
    }
    this.#small[index] = id + 1;
  }

  #place(value: number, id: number): void {
    const hash = hashOfNumber(value);
    let slot = hash & this.#mask;
    for (let probe = 0; probe < PROBES; probe++) {
      const free = hash + probe & this.#mask;
      if (this.#ids[free] !== 0) continue;
      slot = free;
      this.#count++;
      break;
    }
    this.#numbers[slot] = value;
    this.#ids[slot] = id;
  }

  #grow(): void {
    const numbers = this.#numbers, ids = this.#ids;
    this.#numbers = new Float64Array(2 * ids.length);
    this.#ids = new Int32Array(2 * ids.length);
    this.#mask = this.#ids.length - 1;
    this.#count = 0;
    ids.forEach((id, slot) => {
      if (id !== 0) this.#place(numbers[slot]!, id);
    });
  }
}

function hashOfNumber(value: number): number {
  const mixed = Math.imul(value | 0, 0x9E3779B1) ^ Math.imul(value / 2 ** 32 | 0, 0x85EBCA6B);
  return mixed ^ mixed >>> 15;
}
