import { assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import attentionTransfer from "../../../plugins/losses/attention_transfer.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { assertDistillation, compute, makeHint } from "./support.ts";

const shapes = [[3, 2, 4], [3, 2, 5]];

Deno.test("attention-transfer fulfills the contract of a loss", async () => {
  await checkStage(attentionTransfer, { shapes });
  await checkStage(attentionTransfer, { shapes, options: { power: 3 } });
});

forEachEngine(
  "attention-transfer agrees with PyTorch, also for maps with different numbers of channels",
  () => assertDistillation(attentionTransfer, 2),
);

forEachEngine("attention-transfer is a mean over positions for each row", () => {
  // Attention of the teacher: squares 16 and 9 of length √337; of the student: only the first
  // place.
  const from = tf.tensor4d([4, 3, 4, 3], [2, 1, 2, 1]),
    to = tf.tensor4d([2, 0, 4, 3], [2, 1, 2, 1]);
  const { losses } = compute(makeHint(attentionTransfer, [1, 2, 1]), from, to);
  const length = Math.sqrt(337);
  assertNear("losses", losses, [((16 / length - 1) ** 2 + (9 / length) ** 2) / 2, 0], 1e-5);
});

forEachEngine("attention-transfer stays finite for a map of zeros", () => {
  const hint = makeHint(attentionTransfer, [2, 2, 1]);
  const { losses, gradients } = compute(hint, tf.ones([2, 2, 2, 1]), tf.zeros([2, 2, 2, 1]));
  assertEquals([...losses, ...gradients.flat()].every(Number.isFinite), true);
});

Deno.test("attention-transfer refuses vectors, and maps of different sizes", () => {
  assertRefuses(() => makeHint(attentionTransfer, [3]), "got [batch, 3]", "maps of equal size");
  assertRefuses(
    () => makeHint(attentionTransfer, [4, 4, 3], [8, 8, 3]),
    "got [batch, 4, 4, 3] and [batch, 8, 8, 3]",
    "group2",
  );
});
