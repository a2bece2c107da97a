import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import binaryCrossEntropy from "../../../plugins/losses/binary_cross_entropy.ts";
import kl from "../../../plugins/losses/kl.ts";
import knowledgeDistillation from "../../../plugins/losses/knowledge_distillation.ts";
import mseHint from "../../../plugins/losses/mse_hint.ts";
import mseProbability from "../../../plugins/losses/mse_probability.ts";
import softLabel from "../../../plugins/losses/soft_label.ts";
import { builtins } from "../../../plugins/mod.ts";
import type { LossStage } from "../../../plugin.ts";
import { readMultiLabelReference } from "../../reference/fixtures.ts";
import { referenceIntegers, referenceUniform } from "../../reference/values.ts";
import { forEachEngine } from "../../support/engines.ts";
import { multiLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { compute, makeHint, makeTask } from "./support.ts";

const ROWS = 24, CLASSES = 4, label = multiLabel(CLASSES);

const logits = (net: string, bound: number) =>
  tf.tensor2d(
    referenceUniform(`multi-label/${net}/${bound}`, [ROWS, CLASSES], -bound, bound),
    [ROWS, CLASSES],
  );

const topics = () =>
  tf.tensor2d(
    Float32Array.from(referenceIntegers("multi-label/topics", ROWS * CLASSES, 2)),
    [ROWS, CLASSES],
  );

const stages: readonly (readonly [LossStage, object])[] = [
  [binaryCrossEntropy, {}],
  [kl, { temperature: 2 }],
  [softLabel, { temperature: 2 }],
  [knowledgeDistillation, { temperature: 2, alpha: 0.7 }],
  [mseProbability, {}],
  [mseHint, {}],
];

for (const [stage, options] of stages) {
  forEachEngine(`${stage.name} agrees with PyTorch for a multi-label label`, async () => {
    const { losses: { [stage.name]: cases } } = await readMultiLabelReference();
    for (const { bound, ...expected } of cases!) {
      const own = topics(), booster = logits("booster", bound);
      const loss = stage.form === "task"
        ? makeTask(stage, label, [CLASSES], options)
        : makeHint(stage, [CLASSES], [CLASSES], options, label);
      const { losses, gradients } = compute(
        (light) => stage.form === "task" ? loss(light, own) : loss(booster, light, own),
        logits("light", bound),
      );
      assertEquals(losses.length, ROWS);
      losses.forEach((value, row) => {
        const wanted = expected.losses[row]!;
        assertAlmostEquals(value, wanted, 2e-5 * Math.max(1, Math.abs(wanted)));
      });
      gradients[0]!.forEach((value, at) => assertAlmostEquals(value, expected.gradient[at]!, 1e-5));
    }
  });
}

Deno.test("losses that need classes that exclude each other do not declare multiLabel", () => {
  const losses = builtins.filter((stage): stage is LossStage => stage.kind === "loss");
  const names = (isMulti: boolean) =>
    losses.filter(({ multiLabel }) => (multiLabel ?? false) === isMulti).map(({ name }) => name);
  for (const [stage] of stages) assert(names(true).includes(stage.name));
  for (const name of ["cross-entropy", "decoupled-kd", "dist", "logit-standardization"]) {
    assert(names(false).includes(name), name);
  }
});

Deno.test("binary-cross-entropy refuses weights of classes for a multi-label label", () => {
  assertRefuses(
    () => makeTask(binaryCrossEntropy, label, [CLASSES], { classWeights: [1, 1, 1, 2] }),
    "a row with a multi-label label may have several classes",
    "remove `classWeights`",
  );
  assertRefuses(
    () => makeTask(binaryCrossEntropy, label, [3]),
    "compares outputs of shape [batch, 4]; got [batch, 3]",
    "compare logits",
  );
});
