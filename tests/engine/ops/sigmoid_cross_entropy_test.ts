import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { sigmoidCrossEntropy } from "../../../src/engine/ops.ts";
import { forEachEngine, leftBehind } from "../../support/engines.ts";
import { finiteDifference, relativeError } from "../../support/numbers.ts";

const LOGITS = [0, 0, 1.5, -2, 3, 0.25];
const LABELS = [0, 1, 1, 0, 0.25, 0.7];

forEachEngine("sigmoidCrossEntropy() is −y·log σ(z) − (1 − y)·log(1 − σ(z))", () => {
  const expected = LOGITS.map((z, i) => {
    const p = 1 / (1 + Math.exp(-z));
    return -LABELS[i]! * Math.log(p) - (1 - LABELS[i]!) * Math.log(1 - p);
  });
  const actual = sigmoidCrossEntropy(tf.tensor1d(LOGITS), tf.tensor1d(LABELS));
  assert(relativeError(actual.dataSync(), expected) < 1e-6);
});

forEachEngine("sigmoidCrossEntropy() has the gradient of a finite difference, at 0 too", () => {
  const labels = tf.tensor1d(LABELS);
  const f = (logits: tf.Tensor) => sigmoidCrossEntropy(logits, labels);
  const logits = tf.tensor1d(LOGITS);
  assert(relativeError(tf.grad(f)(logits).dataSync(), finiteDifference(f, logits)) < 1e-4);
});

forEachEngine("sigmoidCrossEntropy() is exact for large logits", () => {
  const logits = tf.tensor1d([1000, 1000, -1000, -1000, 5]);
  const labels = tf.tensor1d([1, 0, 1, 0, 1]);
  const losses = sigmoidCrossEntropy(logits, labels).dataSync();
  assertEquals([...losses.slice(0, 4)], [0, 1000, 1000, 0]);
  assert(relativeError([losses[4]!], [0.006715348489118068]) < 1e-5);
});

forEachEngine("sigmoidCrossEntropy() leaves no tensors behind", () => {
  const logits = tf.tensor1d(LOGITS);
  const labels = tf.tensor1d(LABELS);
  assertEquals(leftBehind(() => sigmoidCrossEntropy(logits, labels)), 0);
  const gradient = tf.grad((logits) => sigmoidCrossEntropy(logits, labels));
  assertEquals(leftBehind(() => gradient(logits)), 0);
});

Deno.test("sigmoidCrossEntropy() reports shapes and types that do not match", () => {
  assertThrows(
    () => sigmoidCrossEntropy(tf.tensor1d([1, 2]), tf.tensor1d([1], "int32")),
    RangeError,
    "the logits [2]; got int32 [1]",
  );
});
