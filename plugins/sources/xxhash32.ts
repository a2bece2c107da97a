const prime1 = 0x9E3779B1, prime2 = 0x85EBCA77, prime3 = 0xC2B2AE3D, prime4 = 0x27D4EB2F;
const prime5 = 0x165667B1;

/**
 * Computes the 32-bit xxHash with seed 0, the checksum of LZ4 frames.
 * Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
 *
 * @param bytes The bytes to hash.
 * @returns The hash, from 0 to 2³² − 1.
 */
export function xxhash32(bytes: Uint8Array): number {
  const { length } = bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  let at = 0, hash: number;
  if (length >= 16) {
    let lane1 = prime1 + prime2 | 0, lane2 = prime2 | 0, lane3 = 0, lane4 = -prime1 | 0;
    for (const last = length - 16; at <= last; at += 16) {
      lane1 = round(lane1, view.getInt32(at, true));
      lane2 = round(lane2, view.getInt32(at + 4, true));
      lane3 = round(lane3, view.getInt32(at + 8, true));
      lane4 = round(lane4, view.getInt32(at + 12, true));
    }
    hash = rotated(lane1, 1) + rotated(lane2, 7) + rotated(lane3, 12) + rotated(lane4, 18) | 0;
  } else {
    hash = prime5;
  }
  hash = hash + length | 0;
  for (; at + 4 <= length; at += 4) {
    hash = hash + Math.imul(view.getInt32(at, true), prime3) | 0;
    hash = Math.imul(rotated(hash, 17), prime4);
  }
  for (; at < length; at++) {
    hash = hash + Math.imul(bytes[at]!, prime5) | 0;
    hash = Math.imul(rotated(hash, 11), prime1);
  }
  hash = Math.imul(hash ^ hash >>> 15, prime2);
  hash = Math.imul(hash ^ hash >>> 13, prime3);
  return (hash ^ hash >>> 16) >>> 0;
}

const round = (lane: number, word: number) =>
  Math.imul(rotated(lane + Math.imul(word, prime2) | 0, 13), prime1);

const rotated = (word: number, bits: number) => word << bits | word >>> 32 - bits;
