import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { embedding } from "../../../src/engine/ops.ts";
import { forEachEngine, leftBehind } from "../../support/engines.ts";

const table = () => tf.tensor2d([[0, 1], [10, 11], [20, 21], [30, 31]]);

forEachEngine("embedding() returns the rows in the shape of the ids", () => {
  const rows = embedding(table(), tf.tensor2d([[3, 0], [1, 1]], [2, 2], "int32"));
  assertEquals(rows.arraySync(), [[[30, 31], [0, 1]], [[10, 11], [10, 11]]]);
  assertEquals(embedding(table(), tf.tensor1d([2], "int32")).arraySync(), [[20, 21]]);
  assertEquals(embedding(table(), tf.scalar(2, "int32")).arraySync(), [20, 21]);
});

forEachEngine("embedding() sums the gradients of a row that is used twice", () => {
  const ids = tf.tensor2d([[3, 0], [3, 1]], [2, 2], "int32");
  const weights = tf.tensor3d([[[1, 2], [3, 4]], [[10, 20], [30, 40]]]);
  const gradient = tf.grad((table) => tf.mul(embedding(table as tf.Tensor2D, ids), weights));
  assertEquals(gradient(table()).arraySync(), [[3, 4], [30, 40], [0, 0], [11, 22]]);
});

forEachEngine("embedding() throws for an id outside the table", () => {
  for (const wrong of [4, -1]) {
    const ids = tf.tensor1d([0, wrong], "int32");
    const error = assertThrows(() => embedding(table(), ids).dataSync(), Error);
    assert(error.message.includes(`${wrong} is not in [0, `), error.message);
  }
});

forEachEngine("embedding() leaves no tensors behind", () => {
  const rows = table();
  const ids = tf.tensor1d([1, 1], "int32");
  assertEquals(leftBehind(() => embedding(rows, ids)), 0);
  assertEquals(leftBehind(() => tf.grad((t) => embedding(t as tf.Tensor2D, ids))(rows)), 0);
});

Deno.test("embedding() rejects ids that are not integers", () => {
  assertThrows(() => embedding(table(), tf.tensor1d([1])), RangeError, "float32 [1]");
});
