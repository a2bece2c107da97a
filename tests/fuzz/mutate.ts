import type { Random } from "../../pipeline/random.ts";

/** Changes bytes at random: flips, cuts, splices, and lengths set to extremes. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  let changed = Uint8Array.from(bytes);
  const times = 1 + random.integer(0, 3);
  for (let time = 0; time < times && changed.length > 16; time++) {
    changed = mutations[random.integer(0, mutations.length - 1)]!(changed, random);
  }
  return changed;
}

type Bytes = Uint8Array<ArrayBuffer>;

const extremes = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 16, 2 ** 24, 255];

const mutations: readonly ((bytes: Bytes, random: Random) => Bytes)[] = [
  (bytes, random) => {
    bytes[random.integer(0, bytes.length - 1)]! ^= 1 << random.integer(0, 7);
    return bytes;
  },
  (bytes, random) => {
    bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
    return bytes;
  },
  (bytes, random) => bytes.slice(0, random.integer(1, bytes.length)),
  (bytes, random) => {
    const from = random.integer(0, bytes.length - 1);
    const to = Math.min(bytes.length, from + random.integer(1, 64));
    return bytes.fill([0, 255, 0x7f][random.integer(0, 2)]!, from, to);
  },
  (bytes, random) => {
    const from = random.integer(0, bytes.length - 1), to = random.integer(0, bytes.length - 1);
    return bytes.copyWithin(to, from, from + random.integer(1, 256));
  },
  (bytes, random) => {
    // Lengths lie at multiples of 4 in most formats, and near their ends.
    const near = random.integer(0, 1) === 0 ? bytes.length : Math.min(bytes.length, 1024);
    const at = 4 * random.integer(0, Math.floor((near - 4) / 4));
    const value = extremes[random.integer(0, extremes.length - 1)]!;
    new DataView(bytes.buffer).setInt32(at, value, true);
    return bytes;
  },
  (bytes, random) => {
    const at = random.integer(0, bytes.length - 1), length = random.integer(1, 32);
    const shorter = new Uint8Array(Math.max(1, bytes.length - length));
    shorter.set(bytes.subarray(0, Math.min(at, shorter.length)));
    if (at < shorter.length) shorter.set(bytes.subarray(at + length), at);
    return shorter;
  },
];
