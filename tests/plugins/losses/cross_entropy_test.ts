import { assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import crossEntropy from "../../../plugins/losses/cross_entropy.ts";
import { needsLabelStatistics } from "../../../plugin.ts";
import { openEngine } from "../../../src/engine/engine.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { binaryLabel, classLabel, numberLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { assertReference, compute, makeTask } from "./support.ts";

/** Computes the loss of some logits with the classes of their rows. */
function computeRows(logits: number[][], classes: number[], options: unknown = {}) {
  const units = logits[0]!.length;
  const loss = makeTask(crossEntropy, classLabel(units), [units], options);
  return compute((output) => loss(output, tf.tensor1d(classes, "int32")), tf.tensor2d(logits));
}

/** Logits with the softmax 1/8, 2/8, 5/8. */
const eighths = [Math.log(1), Math.log(2), Math.log(5)];

Deno.test("cross-entropy fulfills the contract of a loss", async () => {
  await checkStage(crossEntropy);
  await checkStage(crossEntropy, { options: { labelSmoothing: 0.1, classWeights: "balanced" } });
});

forEachEngine(
  "cross-entropy agrees with PyTorch for 2 and 5 logits, moderate and extreme",
  () => assertReference(crossEntropy, [2, 5]),
);

forEachEngine(
  "cross-entropy with weights of classes agrees with PyTorch's loss of each row",
  async () => {
    for (const units of [2, 5]) {
      const classWeights = Array.from({ length: units }, (_, index) => 0.5 + 0.75 * index);
      for (const labelSmoothing of [0, 0.1]) {
        const name = `cross-entropy-weighted-${labelSmoothing}`;
        await assertReference(crossEntropy, [units], { classWeights, labelSmoothing }, name);
      }
    }
  },
);

Deno.test("cross-entropy takes weights by class name, and 1 for other classes", async () => {
  await openEngine("wasm");
  const label = { ...classLabel(3), vocabulary: ["cat", "dog", "owl"] };
  const weightsOf = (classWeights: unknown) => {
    const loss = makeTask(crossEntropy, label, [3], { classWeights });
    return [...loss(tf.zeros([3, 3]), tf.tensor1d([0, 1, 2], "int32")).dataSync()]
      .map((value) => Math.round(1000 * value / Math.log(3)) / 1000);
  };
  assertEquals(weightsOf({ dog: 4 }), [1, 4, 1]);
  assertEquals(weightsOf([2, 0, 0.5]), [2, 0, 0.5]);
});

Deno.test("cross-entropy balances classes by their training rows as scikit-learn does", async () => {
  await openEngine("wasm");
  // compute_class_weight("balanced", classes=[0, 1, 2], y=[0]*6 + [1]*3 + [2]*1)
  const expected = [10 / (3 * 6), 10 / (3 * 3), 10 / (3 * 1)];
  const training = { rows: 10, total: 10, classes: [6, 3, 1, 0], mean: 0 };
  const loss = makeTask(crossEntropy, { ...classLabel(4), training }, [4], {
    classWeights: "balanced",
  });
  const losses = loss(tf.zeros([4, 4]), tf.tensor1d([0, 1, 2, 3], "int32")).dataSync();
  assertNear("weights", losses.map((value) => value / Math.log(4)), [...expected, 1], 1e-6);
  assertEquals(needsLabelStatistics(crossEntropy, { classWeights: "balanced" }), true);
  assertEquals(needsLabelStatistics(crossEntropy, { classWeights: [1, 2] }), false);
});

Deno.test("cross-entropy refuses a wrong number of weights, and weights of unknown classes", () => {
  const label = { ...classLabel(3), vocabulary: ["cat", "dog", "owl"] };
  assertRefuses(
    () => makeTask(crossEntropy, label, [3], { classWeights: [1, 2] }),
    "`classWeights` has 2 weights; the label has 3 classes",
    "list one weight for each class",
  );
  assertRefuses(
    () => makeTask(crossEntropy, label, [3], { classWeights: { dig: 2 } }),
    '`classWeights` has a weight for "dig", which is not a class of the label',
    "the classes are cat, dog, owl",
  );
});

forEachEngine("cross-entropy is −log softmax of the target class for each row", () => {
  const { losses } = computeRows([eighths, eighths, [7, 7, 7]], [1, 2, 0]);
  assertNear("losses", losses, [Math.log(4), Math.log(8 / 5), Math.log(3)], 1e-6);
});

forEachEngine("cross-entropy distributes the smoothing over all classes", () => {
  // The label is 0.7 of its class and 0.1 of each: [0.1, 0.8, 0.1].
  const { losses, gradients } = computeRows([eighths], [1], { labelSmoothing: 0.3 });
  const expected = 0.1 * Math.log(8) + 0.8 * Math.log(4) + 0.1 * Math.log(8 / 5);
  assertNear("loss", losses, [expected], 1e-6);
  assertNear("gradient", gradients[0]!, [1 / 8 - 0.1, 2 / 8 - 0.8, 5 / 8 - 0.1], 1e-5);
});

forEachEngine("cross-entropy stays finite where the softmax saturates", () => {
  const rows = [[1000, 0, -1000], [1000, 0, -1000]];
  const sharp = computeRows(rows, [0, 2]);
  assertEquals(sharp.losses, [0, 2000]);
  assertEquals(sharp.gradients, [[0, 0, 0, 0.5, 0, -0.5]]);
  // By hand: −log softmax is [0, 1000, 2000], of which each class gets 0.1, and the label's 0.7
  // more.
  const smooth = computeRows(rows, [0, 2], { labelSmoothing: 0.3 });
  assertNear("smoothed losses", smooth.losses, [300, 1700], 1e-6);
  assertNear(
    "smoothed gradient",
    smooth.gradients[0]!,
    [0.1, -0.05, -0.05, 0.45, -0.05, -0.4],
    1e-6,
  );
});

Deno.test("cross-entropy refuses labels that are not classes and names the loss for them", () => {
  assertRefuses(
    () => makeTask(crossEntropy, numberLabel, [1]),
    "cross-entropy needs a label of kind class; this label has the kind number",
    "use mean-squared-error, or write data.label: { column: …, kind: class }",
  );
  assertRefuses(
    () => makeTask(crossEntropy, binaryLabel, [1]),
    "this label has the kind binary",
    "use binary-cross-entropy",
  );
});

Deno.test("cross-entropy refuses outputs that do not have one logit per class", () => {
  for (const [shape, text] of [[[4], "[batch, 4]"], [[2, 3], "[batch, 2, 3]"], [[], "[batch]"]]) {
    assertRefuses(
      () => makeTask(crossEntropy, classLabel(3), shape as number[]),
      `cross-entropy compares outputs of shape [batch, 3]; got ${text}`,
      "compare logits",
    );
  }
});

Deno.test("cross-entropy accepts a smoothing from 0 to less than 1", () => {
  const accepts = (labelSmoothing: number) =>
    crossEntropy.options.safeParse({ labelSmoothing }).success;
  assertEquals([-0.1, 0, 0.9, 1].map(accepts), [false, true, true, false]);
});
