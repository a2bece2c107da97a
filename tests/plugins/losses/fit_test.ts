import type { LossStage } from "../../../plugin.ts";
import kl from "../../../plugins/losses/kl.ts";
import mseProbability from "../../../plugins/losses/mse_probability.ts";
import softLabel from "../../../plugins/losses/soft_label.ts";
import { assertRefuses } from "../../support/refusals.ts";

for (const stage of [kl, softLabel, mseProbability] as LossStage[]) {
  Deno.test(`${stage.name} refuses nets that predict a number`, () => {
    assertRefuses(
      () =>
        stage.create(stage.options.parse({}), {
          label: { kind: "number", classes: 0, shape: [], dtype: "float32" },
          shapes: [[1], [1]],
        }),
      `${stage.name} compares probabilities`,
      "use mse-hint",
    );
  });
}
