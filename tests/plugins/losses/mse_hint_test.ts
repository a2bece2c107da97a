import { assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import mseHint from "../../../plugins/losses/mse_hint.ts";
import { checkStage } from "../../../testing.ts";
import { forEachEngine } from "../../support/engines.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { assertReference, compute, computeHint, makeHint } from "./support.ts";

Deno.test("mse-hint fulfills the contract of a loss", async () => {
  await checkStage(mseHint);
  await checkStage(mseHint, { shapes: [[3, 2, 4], [3, 2, 4]] });
});

forEachEngine(
  "mse-hint agrees with PyTorch for 1, 2 and 5 logits, moderate and extreme",
  () => assertReference(mseHint, [1, 2, 5]),
);

forEachEngine("mse-hint is summed over classes, not averaged", () => {
  const from = [[1, 2, 3], [0, 0, 1]], to = [[0, 4, 0], [0, 0, 1]];
  const actual = computeHint(makeHint(mseHint, [3]), from, to);
  assertEquals(actual.losses, [1 + 4 + 9, 0]);
  // 2 (from − to) of the mean of two rows.
  assertEquals(actual.gradients, [[1, -2, 3, 0, 0, 0], [-1, 2, -3, 0, 0, 0]]);
});

forEachEngine("mse-hint is summed over all elements of a map", () => {
  const from = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 1, 2]);
  const to = tf.tensor4d([0, 0, 0, 0, 5, 6, 7, 7], [2, 2, 1, 2]);
  const actual = compute(makeHint(mseHint, [2, 1, 2]), from, to);
  assertEquals(actual.losses, [30, 1]);
  assertEquals(actual.gradients[1], [-1, -2, -3, -4, 0, 0, 0, -1]);
});

forEachEngine("mse-hint compares outputs with one number per row", () => {
  const actual = compute(makeHint(mseHint, []), tf.tensor1d([1, 5]), tf.tensor1d([3, 4]));
  assertEquals(actual.losses, [4, 1]);
});

forEachEngine("mse-hint has a nonzero gradient where the softmax saturates", () => {
  const actual = computeHint(makeHint(mseHint, [2]), [[1000, -1000]], [[-1000, 1000]]);
  assertEquals(actual.losses, [8e6]);
  assertEquals(actual.gradients, [[4000, -4000], [-4000, 4000]]);
});

Deno.test("mse-hint refuses outputs of different shapes and names both shapes", () => {
  assertRefuses(
    () => makeHint(mseHint, [3], [4]),
    "mse-hint compares outputs of equal shape; got [batch, 3] and [batch, 4]",
    "choose outputs of equal shape with `from:` and `to:`",
  );
  assertRefuses(() => makeHint(mseHint, [4, 1], [1, 4]), "[batch, 4, 1] and [batch, 1, 4]", "to:");
  assertRefuses(() => makeHint(mseHint, [4], [4, 1]), "[batch, 4] and [batch, 4, 1]", "to:");
});
