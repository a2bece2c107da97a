/**
 * Decodes LZ4 frames. Supports all flags of the frame format except dictionaries, and verifies all
 * checksums.
 * Sources: the LZ4 Frame Format 1.6.4 and the LZ4 Block Format,
 * https://github.com/lz4/lz4/tree/dev/doc
 *
 * @module
 */

import { xxhash32 } from "./xxhash32.ts";

const frameMagic = 0x184D2204;

/** Magic number of the legacy format from before 2013, which no Arrow writer produces. */
const legacyMagic = 0x184C2102;

/** First of the 16 magic numbers of skippable frames, whose content is ignored. */
const skippableMagic = 0x184D2A50;

/** Bits of the flag byte in a frame's header. */
const flag = { independent: 0x20, blockSum: 0x10, size: 0x08, sum: 0x04, dictionary: 0x01 };

/** Bit of a block's size which says that the block is not compressed. */
const stored = 0x80000000;

/** Maximum padding after a frame, in bytes. */
const maxPadding = 63;

/** Error that reports invalid LZ4 frames. The message says what is wrong. */
export class Lz4Error extends Error {
  override name = "Lz4Error";
}

/**
 * Decompresses one or more consecutive LZ4 frames.
 *
 * @param bytes The frames, optionally followed by up to 63 zero bytes of padding.
 * @param length Size of the decoded content in bytes.
 * @param into Array for the decoded content, with at least `length` bytes; a new array by default.
 * @returns The first `length` bytes of `into`.
 * @throws {Lz4Error} If the frames are truncated or damaged, need a dictionary, or decode to more
 *   or fewer than `length` bytes.
 */
export function decodeLz4Frames(
  bytes: Uint8Array,
  length: number,
  into: Uint8Array = new Uint8Array(length),
): Uint8Array {
  const decoder = new Decoder(bytes, into.subarray(0, length));
  decoder.run();
  return decoder.out;
}

class Decoder {
  readonly out: Uint8Array;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Positions of the next byte to read and the next byte to write. */
  #at = 0;
  #filled = 0;

  constructor(bytes: Uint8Array, out: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.out = out;
  }

  run(): void {
    if (this.#bytes.length === 0) throw new Lz4Error("it is empty");
    while (this.#at < this.#bytes.length && !this.#isPadding()) {
      const start = this.#at, magic = this.#uint32();
      if (magic === frameMagic) this.#frame();
      else if (magic >>> 4 === skippableMagic >>> 4) this.#skip(this.#uint32());
      else if (magic === legacyMagic) {
        throw new Lz4Error("it has the legacy frame format, which is not supported");
      } else throw new Lz4Error(`no frame starts at byte ${start}`);
    }
    if (this.#filled === this.out.length) return;
    throw new Lz4Error(`it has ${this.#filled} bytes; expected ${this.out.length}`);
  }

  /** Checks whether only padding is left after a frame. */
  #isPadding(): boolean {
    const left = this.#bytes.subarray(this.#at);
    return this.#at > 0 && left.length <= maxPadding && left.every((byte) => byte === 0);
  }

  #frame(): void {
    const descriptor = this.#at, flags = this.#byte(), sizes = this.#byte();
    if (flags >>> 6 !== 1) throw new Lz4Error(`its version is ${flags >>> 6}; expected 1`);
    const sizeCode = sizes >>> 4;
    if (flags & 0x02 || sizes & 0x8F || sizeCode < 4) {
      throw new Lz4Error("its header has bits that the frame format does not define");
    }
    const size = flags & flag.size ? this.#uint64() : undefined;
    const dictionary = flags & flag.dictionary ? this.#uint32() : undefined;
    const header = this.#bytes.subarray(descriptor, this.#at);
    if (this.#byte() !== (xxhash32(header) >>> 8 & 0xFF)) {
      throw new Lz4Error("the checksum of its header is wrong");
    }
    if (dictionary !== undefined) {
      throw new Lz4Error(
        `it needs the dictionary ${dictionary}, but Arrow has no dictionaries for LZ4`,
      );
    }
    const start = this.#filled;
    const most = 2 ** (8 + 2 * sizeCode);
    for (let block = 0;; block++) {
      const word = this.#uint32();
      if (word === 0) break;
      this.#block(block, word, most, flags, start);
    }
    const content = this.out.subarray(start, this.#filled);
    if (flags & flag.sum && this.#uint32() !== xxhash32(content)) {
      throw new Lz4Error("the checksum of its content is wrong");
    }
    if (size !== undefined && size !== BigInt(content.length)) {
      throw new Lz4Error(`its header declares ${size} bytes, but it has ${content.length}`);
    }
  }

  #block(number: number, word: number, most: number, flags: number, frameStart: number): void {
    const size = (word & ~stored) >>> 0;
    if (size > most) {
      throw new Lz4Error(`its block ${number} declares ${size} bytes; at most ${most} are allowed`);
    }
    const from = this.#at, start = this.#filled;
    this.#skip(size);
    const block = this.#bytes.subarray(from, this.#at);
    if (flags & flag.blockSum && this.#uint32() !== xxhash32(block)) {
      throw new Lz4Error(`the checksum of its block ${number} is wrong`);
    }
    const end = Math.min(start + most, this.out.length);
    if (word & stored) {
      if (start + size > end) throw this.#tooLong();
      this.out.set(block, start);
      this.#filled += size;
      return;
    }
    const first = flags & flag.independent ? start : frameStart;
    const filled = decodeBlock(block, this.out, start, first, end);
    if (filled === beyondEnd) throw this.#tooLong();
    if (filled < 0) throw new Lz4Error(`its block ${number} is damaged`);
    this.#filled = filled;
  }

  #tooLong(): Lz4Error {
    return new Lz4Error(
      `one of its blocks is too long, or it has more than ${this.out.length} bytes`,
    );
  }

  #byte(): number {
    this.#skip(1);
    return this.#bytes[this.#at - 1]!;
  }

  #uint32(): number {
    this.#skip(4);
    return this.#view.getUint32(this.#at - 4, true);
  }

  #uint64(): bigint {
    this.#skip(8);
    return this.#view.getBigUint64(this.#at - 8, true);
  }

  #skip(bytes: number): void {
    if (bytes > this.#bytes.length - this.#at) {
      throw new Lz4Error("it ends within a frame");
    }
    this.#at += bytes;
  }
}

/**
 * Return values of {@linkcode decodeBlock} for a damaged block and for one whose content is too
 * long.
 */
const damaged = -1, beyondEnd = -2;

/** From this length in bytes on, a call to a copy method is faster than a loop. */
const longCopy = 64;

/**
 * Decodes a block. A block is a list of sequences. Each sequence has literals and a match, which
 * repeats earlier output; the last sequence has literals only.
 *
 * @param block The compressed block.
 * @param out Array for the output.
 * @param start Index in `out` of the first byte to write.
 * @param first Index in `out` of the first byte that a match can repeat.
 * @param end Index in `out` after the last byte that may be written.
 * @returns The index in `out` after the last byte written, or the negative number `damaged` or
 *   `beyondEnd`.
 */
function decodeBlock(
  block: Uint8Array,
  out: Uint8Array,
  start: number,
  first: number,
  end: number,
): number {
  const size = block.length;
  let from = 0, to = start;
  while (from < size) {
    const token = block[from++]!;
    let literals = token >>> 4;
    if (literals === 15) {
      let more: number;
      do {
        if (from >= size) return damaged;
        more = block[from++]!;
        literals += more;
      } while (more === 255);
    }
    if (literals > size - from) return damaged;
    if (literals > end - to) return beyondEnd;
    if (literals >= longCopy) {
      out.set(block.subarray(from, from + literals), to);
      from += literals;
      to += literals;
    } else {
      for (const stop = from + literals; from < stop;) out[to++] = block[from++]!;
    }
    if (from === size) return to;
    if (size - from < 2) return damaged;
    const offset = block[from]! | block[from + 1]! << 8;
    from += 2;
    if (offset === 0 || offset > to - first) return damaged;
    let length = token & 15;
    if (length === 15) {
      let more: number;
      do {
        if (from >= size) return damaged;
        more = block[from++]!;
        length += more;
      } while (more === 255);
    }
    length += 4;
    if (length > end - to) return beyondEnd;
    if (length >= longCopy && offset >= length) {
      out.copyWithin(to, to - offset, to - offset + length);
      to += length;
    } else if (length >= longCopy && offset === 1) {
      out.fill(out[to - 1]!, to, to + length);
      to += length;
    } else {
      // A match can overlap its own output, so copy byte by byte.
      for (const stop = to + length; to < stop; to++) out[to] = out[to - offset]!;
    }
  }
  // The block ends within a sequence or with a match.
  return damaged;
}
