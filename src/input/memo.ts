/**
 * Remembers the ids of values that occur again and again, so that a text need not be decoded and
 * looked up for each row. Both kinds are caches of bounded size: a value may be forgotten, and its
 * id is then looked up again. An attacker who chooses values that collide makes them slow at most.
 *
 * @module
 */

/** The number of places that are searched for a value. */
const PROBES = 8;

/** The numbers of slots at the start and at most: 256 ki slots take 4 MB. */
const LEAST_SLOTS = 2 ** 8, MOST_SLOTS = 2 ** 18;

/** The size of the longest text that is remembered, and of all of them, in bytes. */
const LONGEST = 256, MOST_BYTES = 2 ** 23;

/** The numbers of a slot: hash, start and length of the text, and id + 1, which is 0 if it is free. */
const HASH = 0, START = 1, LENGTH = 2, ID = 3;

/** Remembers the ids of texts by their bytes. */
export class TextMemo {
  #mask = LEAST_SLOTS - 1;
  #slots = new Int32Array(4 * LEAST_SLOTS);
  #count = 0;
  #bytes = new Uint8Array(2 ** 12);
  #used = 0;

  /**
   * Returns the id of a text; −1 if it is not remembered.
   *
   * @param bytes Bytes that contain the text in UTF-8.
   * @param start The start of the text.
   * @param end The end of the text.
   */
  get(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashOf(bytes, start, end), length = end - start;
    const slots = this.#slots, mask = this.#mask, own = this.#bytes;
    for (let probe = 0; probe < PROBES; probe++) {
      const slot = 4 * (hash + probe & mask);
      if (slots[slot + ID] === 0) return -1;
      if (slots[slot + HASH] !== hash || slots[slot + LENGTH] !== length) continue;
      const first = slots[slot + START]!;
      let same = 0;
      while (same < length && own[first + same] === bytes[start + same]) same++;
      if (same === length) return slots[slot + ID]! - 1;
    }
    return -1;
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
    const length = end - start;
    if (length > LONGEST) return;
    if (this.#used + length > MOST_BYTES) this.#forget();
    if (2 * this.#count > this.#mask && this.#mask < MOST_SLOTS - 1) this.#grow();
    const first = this.#used;
    if (first + length > this.#bytes.length) {
      const longer = new Uint8Array(Math.max(2 * this.#bytes.length, first + length));
      longer.set(this.#bytes);
      this.#bytes = longer;
    }
    this.#bytes.set(bytes.subarray(start, end), first);
    this.#used += length;
    this.#place(hashOf(bytes, start, end), first, length, id + 1);
  }

  #place(hash: number, start: number, length: number, id: number): void {
    const slots = this.#slots;
    let slot = 4 * (hash & this.#mask);
    for (let probe = 0; probe < PROBES; probe++) {
      const free = 4 * (hash + probe & this.#mask);
      if (slots[free + ID] !== 0) continue;
      slot = free;
      this.#count++;
      break;
    }
    slots[slot + HASH] = hash;
    slots[slot + START] = start;
    slots[slot + LENGTH] = length;
    slots[slot + ID] = id;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Int32Array(2 * before.length);
    this.#mask = this.#slots.length / 4 - 1;
    this.#count = 0;
    for (let slot = 0; slot < before.length; slot += 4) {
      const [hash, start, length, id] = before.subarray(slot, slot + 4);
      if (id !== 0) this.#place(hash!, start!, length!, id!);
    }
  }

  #forget(): void {
    this.#slots.fill(0);
    this.#count = 0;
    this.#used = 0;
  }
}

/** Remembers the ids of whole numbers. */
export class NumberMemo {
  #mask = LEAST_SLOTS - 1;
  #numbers = new Float64Array(LEAST_SLOTS);
  /** Each id + 1; 0 if the slot is free. */
  #ids = new Int32Array(LEAST_SLOTS);
  #count = 0;

  /**
   * Returns the id of a number; −1 if it is not remembered.
   *
   * @param value The number.
   */
  get(value: number): number {
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
    if (2 * this.#count > this.#mask && this.#mask < MOST_SLOTS - 1) this.#grow();
    this.#place(value, id + 1);
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

/** FNV-1a, whose upper bits are mixed into those that choose a slot. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811C9DC5;
  for (let index = start; index < end; index++) {
    hash = Math.imul(hash ^ bytes[index]!, 0x01000193);
  }
  return hash ^ hash >>> 15;
}

function hashOfNumber(value: number): number {
  const mixed = Math.imul(value | 0, 0x9E3779B1) ^ Math.imul(value / 2 ** 32 | 0, 0x85EBCA6B);
  return mixed ^ mixed >>> 15;
}
