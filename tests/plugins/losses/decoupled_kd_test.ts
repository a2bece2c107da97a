import { assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import decoupledKd from "../../../plugins/losses/decoupled_kd.ts";
import kl from "../../../plugins/losses/kl.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { classLabel } from "../../support/labels.ts";
import { assertDistillation, compute, computeHint, makeHint } from "./support.ts";

Deno.test("decoupled-kd fulfills the contract of a loss", () => checkStage(decoupledKd));

forEachEngine(
  "decoupled-kd agrees with PyTorch for 1, 2 and 5 logits, moderate and extreme",
  () => assertDistillation(decoupledKd, 7),
);

forEachEngine("decoupled-kd of two classes is α times kl for any β", () => {
  const from = [[2, -1], [80, -80]], to = [[-3, 1], [-90, 90]];
  const label = tf.tensor1d([1, 0], "int32");
  const hint = makeHint(decoupledKd, [2], [2], { alpha: 2, beta: 100 }, classLabel(2));
  const actual = compute((from, to) => hint(from, to, label), tf.tensor2d(from), tf.tensor2d(to));
  const plain = computeHint(makeHint(kl, [2], [2], { temperature: 4 }), from, to);
  assertNear("losses", actual.losses, plain.losses.map((loss) => 2 * loss), 1e-4);
  assertNear("gradient", actual.gradients[1]!, plain.gradients[1]!.map((g) => 2 * g));
});

forEachEngine("decoupled-kd stays finite where the softmax saturates", () => {
  const hint = makeHint(decoupledKd, [3]);
  const { losses, gradients } = compute(
    (from, to) => hint(from, to, tf.tensor1d([0, 1], "int32")),
    tf.tensor2d([[1000, 0, -1000], [1000, 0, -1000]]),
    tf.tensor2d([[-1000, 0, 1000], [1000, 0, -1000]]),
  );
  assertEquals([...losses, ...gradients.flat()].every(Number.isFinite), true);
  assertEquals(losses[1], 0);
});
