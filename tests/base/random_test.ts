import { assert, assertEquals } from "@std/assert";
import { createRandom, deriveSeed } from "../../src/base/random.ts";

const word = 2n ** 32n;

/** Computes the 32-bit FNV-1a hash, as its authors define it. */
function fnv1a(text: string): bigint {
  let hash = 2166136261n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = ((hash ^ BigInt(byte)) * 16777619n) % word;
  }
  return hash;
}

/** Computes the finalizer of MurmurHash3: the hash of no bytes is the finalizer of the seed. */
function finalized(hash: bigint): bigint {
  hash = ((hash ^ (hash >> 16n)) * 0x85ebca6bn) % word;
  hash = ((hash ^ (hash >> 13n)) * 0xc2b2ae35n) % word;
  return hash ^ (hash >> 16n);
}

/** Computes Pearson's chi-squared statistic of counts that should be equal. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

Deno.test("deriveSeed() applies the finalizer of MurmurHash3 to FNV-1a", () => {
  // The published values of both.
  assertEquals([fnv1a("a"), fnv1a("foobar")], [0xe40c292cn, 0xbf9cf968n]);
  assertEquals([finalized(1n), finalized(0xffffffffn)], [0x514e28b7n, 0x81f16f39n]);
  const cases: [number, (string | number)[]][] = [
    [0, []],
    [1, ["shuffle", 0]],
    [4294967295, ["variable", "shared/conv1/kernel"]],
    [7, ["transform", 2, 31, 5]],
    [7, ["é🚀"]],
  ];
  for (const [seed, purpose] of cases) {
    const text = [String(seed), ...purpose].join("\0");
    assertEquals(BigInt(deriveSeed(seed, ...purpose)), finalized(fnv1a(text)), text);
  }
});

Deno.test("deriveSeed() depends on the seed, and on the words, their order and their boundaries", () => {
  const purposes: [number, ...(string | number)[]][] = [
    [1],
    [2],
    [1, "a"],
    [1, "b"],
    [1, "a", "b"],
    [1, "b", "a"],
    [1, "ab"],
    [1, "a", 1],
    [1, "a", 11],
    [1, "a1", 1],
    [11, "a"],
  ];
  const seeds = purposes.map(([seed, ...purpose]) => deriveSeed(seed, ...purpose));
  assertEquals(new Set(seeds).size, seeds.length);
});

Deno.test("createRandom() gives the same numbers for the same seed, and different ones for another seed", () => {
  const draw = (seed: number) => {
    const random = createRandom(seed);
    return Array.from({ length: 20 }, () => [random.uniform(), random.integer(-5, 1000)]).flat();
  };
  assertEquals(draw(7), draw(7));
  assert(draw(7).every((value, index) => value !== draw(8)[index]));
  // The generator reads a seed as signed or unsigned with the same result.
  assertEquals(draw(2 ** 32 - 1), draw(-1));
});

Deno.test("uniform() is uniformly distributed over [0, 1)", () => {
  const random = createRandom(deriveSeed(3, "uniform"));
  const counts = Array<number>(100).fill(0);
  for (let draw = 0; draw < 100_000; draw++) {
    const value = random.uniform();
    assert(value >= 0 && value < 1);
    counts[Math.floor(value * 100)]!++;
  }
  // 99 degrees of freedom: one in a million is above 177.
  assert(chiSquare(counts) < 177, String(chiSquare(counts)));
});

Deno.test("integer() is uniformly distributed, including both ends", () => {
  const random = createRandom(deriveSeed(3, "integer"));
  const counts = Array<number>(10).fill(0);
  for (let draw = 0; draw < 10_000; draw++) {
    const value = random.integer(-3, 6);
    assert(Number.isInteger(value) && value >= -3 && value <= 6);
    counts[value + 3]!++;
  }
  // 9 degrees of freedom: one in a million is above 45.
  assert(chiSquare(counts) < 45, String(chiSquare(counts)));
  assertEquals(random.integer(4, 4), 4);
});

Deno.test("createRandom() gives uniform first numbers across neighboring purposes", () => {
  const counts = Array<number>(20).fill(0);
  for (let epoch = 0; epoch < 5_000; epoch++) {
    counts[Math.floor(createRandom(deriveSeed(1, "shuffle", epoch)).uniform() * 20)]!++;
  }
  // 19 degrees of freedom: one in a million is above 64.
  assert(chiSquare(counts) < 64, String(chiSquare(counts)));
});
