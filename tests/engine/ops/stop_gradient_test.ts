import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { stopGradient } from "../../../src/engine/ops.ts";
import { forEachEngine, leftBehind } from "../../support/engines.ts";

forEachEngine("stopGradient() makes its result a constant", () => {
  const x = tf.tensor1d([3, -2]);
  const gradient = tf.grad((x) => tf.mul(x, stopGradient(tf.square(x))));
  assertEquals([...gradient(x).dataSync()], [9, 4]);
});

forEachEngine("stopGradient() leaves a leaf without a gradient", () => {
  const x = tf.tensor1d([3]);
  const w = tf.tensor1d([5]);
  const { grads } = tf.engine().gradients(
    () => tf.sum(tf.mul(stopGradient(x), w)) as tf.Scalar,
    [x, w],
    undefined,
    true,
  );
  assertEquals(grads[0] ?? null, null);
  assertEquals(grads[1]!.dataSync()[0], 3);
});

forEachEngine("stopGradient() shares the values and outlives its origin", () => {
  const before = tf.memory();
  const x = tf.tensor1d([1, 2, 3]);
  const stopped = stopGradient(x);
  assert(stopped !== x);
  assertEquals(tf.memory().numDataBuffers, before.numDataBuffers + 1);
  x.dispose();
  assertEquals([...stopped.dataSync()], [1, 2, 3]);
  stopped.dispose();
  assertEquals(tf.memory().numTensors, before.numTensors);
  assertEquals(tf.memory().numDataBuffers, before.numDataBuffers);
  assertEquals(tf.memory().numBytes, before.numBytes);
});

forEachEngine("stopGradient() keeps a variable's value from before it was assigned to", () => {
  const variable = tf.variable(tf.tensor1d([1]));
  const stopped = stopGradient(variable as tf.Tensor);
  variable.assign(tf.tensor1d([2]));
  assertEquals(stopped.dataSync()[0], 1);
  assertEquals(variable.dataSync()[0], 2);
  tf.dispose([stopped, variable]);
});

forEachEngine("stopGradient() leaves no tensors behind", () => {
  const x = tf.tensor1d([1]);
  assertEquals(leftBehind(() => stopGradient(x)), 0);
  assertEquals(leftBehind(() => tf.tidy(() => tf.square(stopGradient(x)))), 0);
});
