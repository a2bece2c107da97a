import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { ops } from "../../../plugin.ts";
import { forEachEngine, leftBehind } from "../../support/engines.ts";
import { finiteDifference, relativeError } from "../../support/numbers.ts";

forEachEngine("biasAdd() adds a number to each channel, for any leading axes", () => {
  const flat = ops.biasAdd(tf.tensor2d([[1, 2], [3, 4], [5, 6]]), tf.tensor1d([10, 20]));
  assertEquals([...flat.dataSync()], [11, 22, 13, 24, 15, 26]);
  const map = ops.biasAdd(tf.zeros([2, 3, 1, 2]) as tf.Tensor4D, tf.tensor1d([1, -1]));
  assertEquals(map.shape, [2, 3, 1, 2]);
  assertEquals([...map.dataSync()], Array(6).fill([1, -1]).flat());
});

forEachEngine("biasAdd()'s gradients are those of finite differences", () => {
  const x = tf.tensor2d([[0.5, -1], [2, 0.25], [-0.75, 1.5]]), bias = tf.tensor1d([0.3, -0.2]);
  const loss = (x: tf.Tensor2D, bias: tf.Tensor1D) =>
    tf.mul(tf.square(ops.biasAdd(x, bias)), tf.tensor2d([[1, 2], [3, 4], [5, 6]]));
  const [dx, dbias] = tf.grads((x: tf.Tensor, bias: tf.Tensor) =>
    tf.sum(loss(x as tf.Tensor2D, bias as tf.Tensor1D)) as tf.Scalar
  )([x, bias]);
  const near = (actual: tf.Tensor, expected: Float64Array) =>
    assert(relativeError(Array.from(actual.dataSync()), expected) < 1e-4);
  near(dx!, finiteDifference((x: tf.Tensor2D) => loss(x, bias), x));
  near(dbias!, finiteDifference((bias: tf.Tensor1D) => loss(x, bias), bias));
});

forEachEngine("biasAdd() rejects shapes that do not match, and leaves no tensors behind", () => {
  const x = tf.zeros([2, 3]) as tf.Tensor2D;
  assertThrows(() => ops.biasAdd(x, tf.zeros([2]) as tf.Tensor1D), RangeError, "[2,3] and [2]");
  assertThrows(() => ops.biasAdd(tf.zeros([3]), tf.zeros([3]) as tf.Tensor1D), RangeError);
  const bias = tf.zeros([3]) as tf.Tensor1D;
  assertEquals(leftBehind(() => ops.biasAdd(x, bias)), 0);
});
