/**
 * Makes LZ4 frames as the LZ4 Frame Format 1.6.4 and the LZ4 Block Format describe them, for tests
 * of the decoder. It shares no code with the decoder.
 *
 * @module
 */

/** What a frame has. */
export interface Lz4Options {
  /** The code of the most bytes in a block: 4 is 64 kB, 5 256 kB, 6 1 MB, 7 4 MB. */
  readonly blockSize?: 4 | 5 | 6 | 7;
  /** Whether a block may repeat what stands in the blocks before it. */
  readonly linked?: boolean;
  readonly blockChecksum?: boolean;
  readonly contentChecksum?: boolean;
  readonly contentSize?: boolean;
  /** The id of a dictionary, which the frame does not use. */
  readonly dictionary?: number;
  /** Blocks that are not compressed, by number; by default those that compression makes longer. */
  readonly stored?: (block: number) => boolean;
  /** How many bytes a block has; as many as fit by default. */
  readonly blockBytes?: number;
}

/** A frame of some bytes. */
export function lz4Frame(content: Uint8Array, options: Lz4Options = {}): Uint8Array<ArrayBuffer> {
  const { blockSize = 4, linked = false, dictionary } = options;
  const flags = 0x40 | (linked ? 0 : 0x20) | (options.blockChecksum ? 0x10 : 0) |
    (options.contentSize ? 0x08 : 0) | (options.contentChecksum ? 0x04 : 0) |
    (dictionary === undefined ? 0 : 0x01);
  const descriptor = [
    flags,
    blockSize << 4,
    ...options.contentSize ? [...le(content.length, 4), 0, 0, 0, 0] : [],
    ...dictionary === undefined ? [] : le(dictionary, 4),
  ];
  const parts: number[][] = [
    le(0x184D2204, 4),
    descriptor,
    [xxhash32Reference(Uint8Array.from(descriptor)) >>> 8 & 0xFF],
  ];
  const most = Math.min(options.blockBytes ?? Infinity, 2 ** (8 + 2 * blockSize));
  for (let start = 0, number = 0; start < content.length; start += most, number++) {
    const end = Math.min(start + most, content.length);
    const plain = Array.from(content.subarray(start, end));
    const packed = packedBlock(content, start, end, linked ? 0 : start);
    const stored = options.stored?.(number) ?? packed.length >= plain.length;
    const block = stored ? plain : packed;
    parts.push(le((block.length | (stored ? 0x80000000 : 0)) >>> 0, 4), block);
    if (options.blockChecksum) parts.push(le(xxhash32Reference(Uint8Array.from(block)), 4));
  }
  parts.push(le(0, 4));
  if (options.contentChecksum) parts.push(le(xxhash32Reference(content), 4));
  return joined(parts);
}

/** A frame of anything, which a decoder skips. */
export function skippableFrame(content: Uint8Array, kind = 0): Uint8Array<ArrayBuffer> {
  return joined([le(0x184D2A50 + kind, 4), le(content.length, 4), Array.from(content)]);
}

/** Arrays of bytes, one after the other. */
export function joined(parts: readonly ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A number, least significant byte first. */
const le = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, index) => Math.floor(value / 2 ** (8 * index)) % 256);

/** A block: the last 5 bytes are literals, and no match starts in the last 12. */
function packedBlock(content: Uint8Array, start: number, end: number, first: number): number[] {
  const block: number[] = [];
  const seen = new Map<number, number>();
  const word = (at: number) =>
    content[at]! + content[at + 1]! * 2 ** 8 + content[at + 2]! * 2 ** 16 +
    content[at + 3]! * 2 ** 24;
  for (let at = Math.max(first, start - 65_535); at < start; at++) seen.set(word(at), at);
  let literals = start;
  for (let at = start; at < end - 12;) {
    const key = word(at), before = seen.get(key);
    seen.set(key, at);
    if (before === undefined || at - before > 65_535) {
      at++;
      continue;
    }
    let length = 4;
    while (at + length < end - 5 && content[before + length] === content[at + length]) length++;
    sequence(block, content.subarray(literals, at), length, at - before);
    at += length;
    literals = at;
  }
  sequence(block, content.subarray(literals, end));
  return block;
}

function sequence(block: number[], literals: Uint8Array, match = 4, offset?: number): void {
  const extended = (value: number) => {
    if (value < 15) return;
    let left = value - 15;
    for (; left >= 255; left -= 255) block.push(255);
    block.push(left);
  };
  block.push(Math.min(literals.length, 15) << 4 | Math.min(match - 4, 15));
  extended(literals.length);
  for (const byte of literals) block.push(byte);
  if (offset === undefined) return;
  block.push(offset & 255, offset >> 8);
  extended(match - 4);
}

const primes = [0x9E3779B1n, 0x85EBCA77n, 0xC2B2AE3Dn, 0x27D4EB2Fn, 0x165667B1n] as const;

/** The 32-bit xxHash with seed 0, as its specification says it, in whole numbers of any size. */
export function xxhash32Reference(bytes: Uint8Array): number {
  const [p1, p2, p3, p4, p5] = primes;
  const cut = (value: bigint) => BigInt.asUintN(32, value);
  const rotated = (value: bigint, by: bigint) => cut(value << by) | value >> 32n - by;
  const read = (at: number) =>
    [0, 1, 2, 3].reduce((sum, index) => sum | BigInt(bytes[at + index]!) << BigInt(8 * index), 0n);
  let at = 0, hash: bigint = p5;
  if (bytes.length >= 16) {
    const lanes = [cut(p1 + p2), p2, 0n, cut(-p1)];
    for (; at + 16 <= bytes.length; at += 16) {
      for (let lane = 0; lane < 4; lane++) {
        lanes[lane] = cut(rotated(cut(lanes[lane]! + read(at + 4 * lane) * p2), 13n) * p1);
      }
    }
    hash = [1n, 7n, 12n, 18n].reduce((sum, by, lane) => cut(sum + rotated(lanes[lane]!, by)), 0n);
  }
  hash = cut(hash + BigInt(bytes.length));
  for (; at + 4 <= bytes.length; at += 4) hash = cut(rotated(cut(hash + read(at) * p3), 17n) * p4);
  for (; at < bytes.length; at++) {
    hash = cut(rotated(cut(hash + BigInt(bytes[at]!) * p5), 11n) * p1);
  }
  hash = cut((hash ^ hash >> 15n) * p2);
  hash = cut((hash ^ hash >> 13n) * p3);
  return Number(hash ^ hash >> 16n);
}
