import { assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import binaryCrossEntropy from "../../../plugins/losses/binary_cross_entropy.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { binaryLabel, classLabel, numberLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { assertReference, compute, makeTask } from "./support.ts";

function computeRows(logits: number[], labels: number[], options = {}) {
  const loss = makeTask(binaryCrossEntropy, binaryLabel, [1], options);
  return compute((output) => loss(output, tf.tensor1d(labels)), tf.tensor2d(logits, [2, 1]));
}

Deno.test(
  "binary-cross-entropy fulfills the contract of a loss",
  () => checkStage(binaryCrossEntropy, { options: { classWeights: "balanced" } }),
);

forEachEngine(
  "binary-cross-entropy agrees with PyTorch for moderate and extreme logits",
  () => assertReference(binaryCrossEntropy, [1]),
);

forEachEngine(
  "binary-cross-entropy with a weight of the positive class agrees with PyTorch's pos_weight",
  () =>
    assertReference(
      binaryCrossEntropy,
      [1],
      { classWeights: [1, 2.5] },
      "binary-cross-entropy-weighted",
    ),
);

forEachEngine("binary-cross-entropy is −log of the label's probability for each row", () => {
  // The sigmoid of log 3 is 3/4.
  const { losses, gradients } = computeRows([Math.log(3), Math.log(3)], [1, 0]);
  assertNear("losses", losses, [Math.log(4 / 3), Math.log(4)], 1e-6);
  assertNear("gradient", gradients[0]!, [-1 / 8, 3 / 8], 1e-6);
});

forEachEngine(
  "binary-cross-entropy keeps the weights of both classes, whatever their ratio is",
  () => {
    for (const [negative, positive] of [[1e8, 1], [1, 1e8], [1e4, 1e-4], [0, 1]] as const) {
      const { losses } = computeRows([0, 0], [0, 1], { classWeights: [negative, positive] });
      assertNear("negative", [losses[0]!], [negative * Math.LN2], 1e-6);
      assertNear("positive", [losses[1]!], [positive * Math.LN2], 1e-6);
    }
  },
);

forEachEngine("binary-cross-entropy stays finite where the sigmoid saturates", () => {
  const { losses, gradients } = computeRows([1000, -1000], [0, 0]);
  assertEquals(losses, [1000, 0]);
  assertEquals(gradients, [[0.5, 0]]);
});

Deno.test("binary-cross-entropy refuses other kinds of labels and names the loss for them", () => {
  assertRefuses(
    () => makeTask(binaryCrossEntropy, classLabel(2), [2]),
    "binary-cross-entropy needs a label of kind binary; this label has the kind class",
    "use cross-entropy, or write data.label: { column: …, kind: binary }",
  );
  assertRefuses(
    () => makeTask(binaryCrossEntropy, numberLabel, [1]),
    "this label has the kind number",
    "use mean-squared-error",
  );
});

Deno.test("binary-cross-entropy refuses outputs that do not have exactly one logit", () => {
  for (const [shape, text] of [[[2], "[batch, 2]"], [[4, 1], "[batch, 4, 1]"], [[], "[batch]"]]) {
    assertRefuses(
      () => makeTask(binaryCrossEntropy, binaryLabel, shape as number[]),
      `binary-cross-entropy compares outputs of shape [batch, 1]; got ${text}`,
      "compare logits",
    );
  }
});
