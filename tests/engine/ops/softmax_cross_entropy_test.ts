import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { softmaxCrossEntropy } from "../../../src/engine/ops.ts";
import { forEachEngine, leftBehind } from "../../support/engines.ts";
import { finiteDifference, relativeError } from "../../support/numbers.ts";

const LOGITS = [[0.5, -1, 2], [3, 0, -2], [1, 1, 1], [-4, 2.5, 0]];
const LABELS = [2, 1, 0, 0];

const inputs = () => ({ logits: tf.tensor2d(LOGITS), labels: tf.tensor1d(LABELS, "int32") });

forEachEngine("softmaxCrossEntropy() is −log of the softmax at the label", () => {
  const { logits, labels } = inputs();
  const expected = LOGITS.map((row, i) =>
    -Math.log(Math.exp(row[LABELS[i]!]!) / row.reduce((sum, z) => sum + Math.exp(z), 0))
  );
  const actual = softmaxCrossEntropy(logits, labels);
  assertEquals(actual.shape, [4]);
  assert(relativeError(actual.dataSync(), expected) < 1e-6);
});

forEachEngine("softmaxCrossEntropy() has the gradient of a finite difference", () => {
  const { logits, labels } = inputs();
  const weights = tf.tensor1d([1, -2, 0.5, 3]);
  const f = (logits: tf.Tensor) =>
    tf.mul(softmaxCrossEntropy(logits as tf.Tensor2D, labels), weights);
  assert(relativeError(tf.grad(f)(logits).dataSync(), finiteDifference(f, logits)) < 1e-4);
});

forEachEngine("softmaxCrossEntropy() is exact for large and infinite logits", () => {
  const logits = tf.tensor2d([[1000, 0, -1000], [1000, 0, -1000], [0, 0, -Infinity]]);
  const labels = tf.tensor1d([0, 2, 1], "int32");
  const losses = softmaxCrossEntropy(logits, labels).dataSync();
  assertEquals([losses[0], losses[1]], [0, 2000]);
  assert(Math.abs(losses[2]! - Math.log(2)) < 1e-6);
  const gradient = tf.grad((logits) => softmaxCrossEntropy(logits as tf.Tensor2D, labels))(logits);
  assertEquals([...gradient.dataSync()], [0, 0, 0, 1, 0, -1, 0.5, -0.5, 0]);
});

forEachEngine("softmaxCrossEntropy() rejects a label that is not a class", () => {
  const { logits } = inputs();
  for (const wrong of [3, -1]) {
    const labels = tf.tensor1d([0, wrong, 0, 0], "int32");
    if (tf.getBackend() === "tensorflow") {
      assertThrows(() => softmaxCrossEntropy(logits, labels), Error, "outside the valid range");
    } else {
      const losses = softmaxCrossEntropy(logits, labels).dataSync();
      assertEquals([...losses].map(Number.isNaN), [false, true, false, false]);
    }
  }
});

forEachEngine("softmaxCrossEntropy() leaves no tensors behind", () => {
  const { logits, labels } = inputs();
  assertEquals(leftBehind(() => softmaxCrossEntropy(logits, labels)), 0);
  const gradient = tf.grad((logits) => softmaxCrossEntropy(logits as tf.Tensor2D, labels));
  assertEquals(leftBehind(() => gradient(logits)), 0);
});

Deno.test("softmaxCrossEntropy() reports the given shapes", () => {
  const { logits } = inputs();
  assertThrows(
    () => softmaxCrossEntropy(logits, tf.tensor1d([1, 2], "int32")),
    RangeError,
    "[4,3] and int32 [2]",
  );
  assertThrows(() => softmaxCrossEntropy(logits, tf.tensor1d(LABELS)), RangeError, "float32 [4]");
});
