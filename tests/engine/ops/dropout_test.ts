import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { dropout } from "../../../src/engine/ops.ts";
import { forEachEngine, leftBehind } from "../../support/engines.ts";

const COUNT = 40_000;

/** Which of `COUNT` values stay. */
function kept(rate: number, seed: number | tf.Scalar): number[] {
  return [...dropout(tf.ones([COUNT]), rate, seed).dataSync()].map((y) => y === 0 ? 0 : 1);
}

const share = (bits: number[]) => bits.reduce((a, b) => a + b, 0) / bits.length;

for (const rate of [0.1, 0.5, 0.9]) {
  forEachEngine(`dropout() drops a fraction of ${rate} and divides the rest by ${1 - rate}`, () => {
    const x = tf.fill([COUNT], 3);
    const y = [...dropout(x, rate, 11).dataSync()];
    // Five standard deviations of the binomial distribution.
    const tolerance = 5 * Math.sqrt(rate * (1 - rate) / COUNT);
    assert(Math.abs(share(y.map((y) => y === 0 ? 1 : 0)) - rate) < tolerance);
    assert(y.every((y) => y === 0 || Math.abs(y - 3 / (1 - rate)) < 1e-5));
  });
}

forEachEngine("dropout() gives the same result for a seed, as a number or as a scalar", () => {
  const first = kept(0.5, 5);
  assertEquals(kept(0.5, 5), first);
  assertEquals(kept(0.5, tf.scalar(5, "int32")), first);
  assertEquals(kept(0.5, 2 ** 32 + 5), first);
});

forEachEngine("dropout() draws independently for each seed", () => {
  const seeds = [0, 1, 2, -1, 2 ** 31, 123456789];
  const draws = seeds.map((seed) => kept(0.5, seed));
  for (const [i, a] of draws.entries()) {
    for (const b of draws.slice(i + 1)) {
      // Independent bits agree in half of the places.
      const agreement = share(a.map((bit, place) => bit === b[place] ? 1 : 0));
      assert(Math.abs(agreement - 0.5) < 5 * Math.sqrt(0.25 / COUNT), `${agreement}`);
    }
  }
});

forEachEngine("dropout() draws neighbors independently", () => {
  const bits = kept(0.5, 3);
  for (const distance of [1, 2, 8, 64]) {
    const pairs = bits.slice(distance).map((bit, i) => bit === bits[i] ? 1 : 0);
    assert(Math.abs(share(pairs) - 0.5) < 5 * Math.sqrt(0.25 / COUNT));
  }
});

forEachEngine("dropout() passes the gradient where it passed the value", () => {
  const x = tf.randomNormal([50, 4], 0, 1, "float32", 1);
  const seed = tf.scalar(9, "int32");
  const factors = dropout(tf.onesLike(x), 0.3, seed).dataSync();
  const gradient = tf.grad((x) => dropout(x, 0.3, seed))(x);
  assertEquals(gradient.dataSync(), factors);
});

forEachEngine("dropout() leaves no tensors behind", () => {
  const x = tf.ones([3, 2]);
  const scalar = tf.scalar(1, "int32");
  for (const seed of [1, scalar]) {
    assertEquals(leftBehind(() => dropout(x, 0.5, seed)), 0);
    assertEquals(leftBehind(() => tf.grad((x) => dropout(x, 0.5, seed))(x)), 0);
  }
});

Deno.test("dropout() returns x itself at a rate of 0", () => {
  const x = tf.ones([2]);
  assert(dropout(x, 0, 1) === x);
});

Deno.test("dropout() rejects a rate or a seed out of range", () => {
  const x = tf.ones([2]);
  for (const rate of [-0.1, 1, NaN]) assertThrows(() => dropout(x, rate, 1), RangeError, "rate");
  assertThrows(() => dropout(x, 0.5, 1.5), RangeError, "an integer");
  assertThrows(() => dropout(x, 0.5, tf.scalar(1)), RangeError, "int32 scalar; got float32");
});
