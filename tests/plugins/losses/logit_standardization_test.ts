import { assertEquals } from "@std/assert";
import logitStandardization from "../../../plugins/losses/logit_standardization.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { assertDistillation, computeHint, makeHint } from "./support.ts";

Deno.test("logit-standardization fulfills the contract of a loss", () =>
  checkStage(logitStandardization));

forEachEngine(
  "logit-standardization agrees with PyTorch, for moderate and extreme logits",
  () => assertDistillation(logitStandardization, 2),
);

forEachEngine("logit-standardization does not depend on the shift and scale of logits", () => {
  const hint = makeHint(logitStandardization, [3]);
  const logits = [[1, -2, 4], [0.5, 0.25, -3]];
  const other = logits.map((row) => row.map((z) => 7 * z - 20));
  const { losses, gradients } = computeHint(hint, logits, other);
  assertNear("losses", losses.map((loss) => loss + 1), [1, 1], 1e-5);
  assertNear("gradients", gradients.flat().map((g) => g + 1), Array(12).fill(1), 1e-4);
});

forEachEngine("logit-standardization stays finite for equal logits", () => {
  const { losses, gradients } = computeHint(
    makeHint(logitStandardization, [3]),
    [[2, 2, 2], [1, 2, 3]],
    [[1, 2, 3], [5, 5, 5]],
  );
  assertEquals([...losses, ...gradients.flat()].every(Number.isFinite), true);
});

Deno.test("logit-standardization refuses two classes, whose standardized logits are always the same", () => {
  for (
    const [units, got] of [[2, "got 2"], [1, "one logit, which represents two"]] as const
  ) {
    assertRefuses(() => makeHint(logitStandardization, [units]), got, "use kl or mse-hint");
  }
});
