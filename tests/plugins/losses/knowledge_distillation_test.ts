import * as tf from "@tensorflow/tfjs";
import knowledgeDistillation from "../../../plugins/losses/knowledge_distillation.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { binaryLabel, classLabel } from "../../support/labels.ts";
import { assertDistillation, compute, makeHint } from "./support.ts";

Deno.test("knowledge-distillation fulfills the contract of a loss", async () => {
  await checkStage(knowledgeDistillation);
  await checkStage(knowledgeDistillation, { options: { alpha: 0, temperature: 1 } });
});

forEachEngine(
  "knowledge-distillation agrees with PyTorch for 1, 2 and 5 logits, moderate and extreme",
  () => assertDistillation(knowledgeDistillation, 7),
);

forEachEngine(
  "knowledge-distillation of one logit equals that of two logits, the other being 0",
  () => {
    const from = tf.tensor2d([[2], [-1], [0.5]]), to = tf.tensor2d([[-1], [3], [0]]);
    const pair = (x: tf.Tensor) => tf.concat([x, tf.zerosLike(x)], 1);
    const one = makeHint(knowledgeDistillation, [1], [1], {}, binaryLabel);
    const two = makeHint(knowledgeDistillation, [2], [2], {}, classLabel(2));
    const single = compute((from, to) => one(from, to, tf.tensor1d([1, 0, 1])), from, to);
    const double = compute(
      (from, to) => two(from, to, tf.tensor1d([0, 1, 0], "int32")),
      pair(from),
      pair(to),
    );
    assertNear("losses", single.losses, double.losses, 1e-5);
    assertNear(
      "gradient",
      single.gradients[1]!,
      double.gradients[1]!.filter((_, i) => i % 2 === 0),
    );
  },
);
