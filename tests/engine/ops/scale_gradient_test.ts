import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { scaleGradient } from "../../../src/engine/ops.ts";
import { forEachEngine, leftBehind } from "../../support/engines.ts";

for (const factor of [0.25, -2]) {
  forEachEngine(`scaleGradient() multiplies the gradient by ${factor} and keeps the values`, () => {
    const x = tf.tensor1d([3, -1]);
    for (const given of [factor, tf.scalar(factor)]) {
      assertEquals([...scaleGradient(x, given).dataSync()], [3, -1]);
      const within = tf.grad((x) => scaleGradient(tf.square(x), given))(x);
      assertEquals([...within.dataSync()], [6 * factor, -2 * factor]);
      const onLeaf = tf.grad((x) => tf.square(scaleGradient(x, given)))(x);
      assertEquals([...onLeaf.dataSync()], [6 * factor, -2 * factor]);
    }
  });
}

forEachEngine("scaleGradient() scales only one of two paths to a leaf", () => {
  const x = tf.tensor1d([3]);
  const gradient = tf.grad((x) => tf.add(tf.mul(x, 10), scaleGradient(x, 0.5)))(x);
  assertEquals(gradient.dataSync()[0], 10.5);
});

forEachEngine("scaleGradient() returns x itself for 1 and blocks the gradient for 0", () => {
  const x = tf.tensor1d([3]);
  assert(scaleGradient(x, 1) === x);
  const { grads } = tf.engine().gradients(
    () => tf.sum(scaleGradient(x, 0)) as tf.Scalar,
    [x],
    undefined,
    true,
  );
  assertEquals(grads[0] ?? null, null);
  const zero = tf.grad((x) => scaleGradient(x, tf.scalar(0)))(x);
  assertEquals(zero.dataSync()[0], 0);
});

forEachEngine("scaleGradient() leaves no tensors behind", () => {
  const x = tf.tensor1d([3]);
  const factor = tf.scalar(0.5);
  for (const given of [0, 0.5, factor]) {
    assertEquals(leftBehind(() => scaleGradient(x, given)), 0);
    const gradient = tf.grad((x) => tf.add(tf.square(x), scaleGradient(x, given)));
    assertEquals(leftBehind(() => gradient(x)), 0);
  }
});

Deno.test("scaleGradient() rejects a factor that is not a finite number or a float32 scalar", () => {
  const x = tf.tensor1d([3]);
  assertThrows(() => scaleGradient(x, NaN), RangeError, "got NaN");
  assertThrows(() => scaleGradient(x, tf.scalar(1, "int32")), RangeError, "got int32");
  assertThrows(
    () => scaleGradient(x, tf.tensor1d([1]) as unknown as tf.Scalar),
    RangeError,
    "float32 of shape [1]",
  );
});
