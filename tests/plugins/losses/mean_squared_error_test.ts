import { assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import meanSquaredError from "../../../plugins/losses/mean_squared_error.ts";
import { checkStage } from "../../../testing.ts";
import { forEachEngine } from "../../support/engines.ts";
import { binaryLabel, classLabel, numberLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { assertReference, compute, makeTask } from "./support.ts";

Deno.test("mean-squared-error fulfills the contract of a loss", () => checkStage(meanSquaredError));

forEachEngine(
  "mean-squared-error agrees with PyTorch for moderate and extreme outputs",
  () => assertReference(meanSquaredError, [1]),
);

forEachEngine("mean-squared-error is the squared difference for each row", () => {
  const loss = makeTask(meanSquaredError, numberLabel, [1]);
  const outputs = tf.tensor2d([[3], [-1], [0.5], [1000]]);
  const labels = tf.tensor1d([1, 2, 0.5, -1000]);
  const { losses, gradients } = compute((output) => loss(output, labels), outputs);
  // Not every row with every label: that would be a [4, 4] of distances.
  assertEquals(losses, [4, 9, 0, 4e6]);
  assertEquals(gradients, [[1, -1.5, 0, 1000]]);
});

Deno.test("mean-squared-error refuses other kinds of labels and names the loss for them", () => {
  assertRefuses(
    () => makeTask(meanSquaredError, classLabel(3), [3]),
    "mean-squared-error needs a label of kind number; this label has the kind class",
    "use cross-entropy, or write data.label: { column: …, kind: number }",
  );
  assertRefuses(
    () => makeTask(meanSquaredError, binaryLabel, [1]),
    "this label has the kind binary",
    "use binary-cross-entropy",
  );
});

Deno.test("mean-squared-error refuses outputs that do not have exactly one number", () => {
  assertRefuses(
    () => makeTask(meanSquaredError, numberLabel, [2]),
    "mean-squared-error compares outputs of shape [batch, 1]; got [batch, 2]",
    "compare logits",
  );
});
