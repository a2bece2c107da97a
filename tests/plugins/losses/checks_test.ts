import type { LossStage } from "../../../plugin.ts";
import decoupledKd from "../../../plugins/losses/decoupled_kd.ts";
import dist from "../../../plugins/losses/dist.ts";
import kl from "../../../plugins/losses/kl.ts";
import knowledgeDistillation from "../../../plugins/losses/knowledge_distillation.ts";
import logitStandardization from "../../../plugins/losses/logit_standardization.ts";
import mseProbability from "../../../plugins/losses/mse_probability.ts";
import softLabel from "../../../plugins/losses/soft_label.ts";
import { numberLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { makeHint } from "./support.ts";

const ofProbabilities: LossStage[] = [
  kl,
  softLabel,
  mseProbability,
  knowledgeDistillation,
  decoupledKd,
  logitStandardization,
  dist,
];

for (const stage of ofProbabilities) {
  Deno.test(`${stage.name} refuses nets that predict a number`, () => {
    assertRefuses(
      () => makeHint(stage, [1], [1], {}, numberLabel),
      `${stage.name} compares probabilities`,
      "use mse-hint",
    );
  });
}
