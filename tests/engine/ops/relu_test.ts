import { assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { relu } from "../../../src/engine/ops.ts";
import { forEachEngine, leftBehind } from "../../support/engines.ts";

forEachEngine("relu() is max(x, 0), with the gradient 1 above 0 and 0 elsewhere", () => {
  const x = tf.tensor2d([[-2, -0.5, 0], [0.25, 3, 0]]);
  const weights = tf.tensor2d([[10, 20, 30], [40, 50, 60]]);
  assertEquals(relu(x).arraySync(), [[0, 0, 0], [0.25, 3, 0]]);
  const gradient = tf.grad((x) => tf.mul(relu(x), weights))(x);
  assertEquals([...gradient.dataSync()].map(Math.abs), [0, 0, 0, 40, 50, 0]);
});

forEachEngine("relu() leaves no tensors behind", () => {
  const x = tf.tensor1d([-1, 1]);
  assertEquals(leftBehind(() => relu(x)), 0);
  assertEquals(leftBehind(() => tf.grad((x) => relu(x))(x)), 0);
});
