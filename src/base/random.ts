/**
 * Seeded random numbers. Every random decision of a run has its own generator, seeded by
 * {@linkcode deriveSeed}. So its numbers depend on its purpose and not on what was drawn before.
 *
 * @module
 */

import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** A stream of random numbers that depends only on its seed. */
export interface Random {
  /** The next number in [0, 1). */
  uniform(): number;
  /** The next whole number from `low` to `high`, both included. */
  integer(low: number, high: number): number;
}

/**
 * Derives a 32-bit seed from the seed of a run and a purpose, such as the shuffling of one epoch:
 * the FNV-1a hash of both, followed by the finalizer of MurmurHash3.
 *
 * @param seed The run's seed.
 * @param purpose The purpose of the numbers: names and positions, such as `"shuffle", epoch`.
 * @returns A whole number in [0, 2³²).
 *
 * @example
 * ```ts
 * import { deriveSeed } from "./random.ts";
 * import { assertNotEquals } from "@std/assert";
 *
 * assertNotEquals(deriveSeed(1, "shuffle", 0), deriveSeed(1, "shuffle", 1));
 * ```
 */
export function deriveSeed(seed: number, ...purpose: readonly (string | number)[]): number {
  let hash = fnv1a(new TextEncoder().encode([seed, ...purpose].join("\0")));
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * Computes the FNV-1a hash of bytes.
 *
 * @param bytes The bytes.
 * @returns A whole number in [0, 2³²).
 */
export function fnv1a(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/**
 * Creates a generator of random numbers (xoroshiro128+).
 *
 * @param seed A whole number. Equal seeds give equal numbers.
 * @returns The stream of random numbers.
 *
 * @example
 * ```ts
 * import { createRandom } from "@rocket-launching/rocket/plugin";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(createRandom(7).integer(0, 99), createRandom(7).integer(0, 99));
 * ```
 */
export function createRandom(seed: number): Random {
  const generator = xoroshiro128plus(seed | 0);
  return {
    uniform: () => uniformFloat64(generator),
    integer: (low, high) => uniformInt(generator, low, high),
  };
}
