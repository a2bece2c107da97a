import relationalKd from "../../../plugins/losses/relational_kd.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { assertDistillation, computeHint, makeHint } from "./support.ts";

Deno.test("relational-kd fulfills the contract of a loss", async () => {
  await checkStage(relationalKd);
  await checkStage(relationalKd, { options: { angle: 0 } });
  await checkStage(relationalKd, { shapes: [[4], [6]] });
});

forEachEngine(
  "relational-kd agrees with PyTorch, also for outputs of different widths and one logit",
  () => assertDistillation(relationalKd, 3, 5e-4),
);

forEachEngine("relational-kd is 0 if all rows are shifted, rotated and scaled together", () => {
  const from = [[0, 0], [3, 4], [-1, 2], [5, -6]];
  const to = from.map(([x, y]) => [7 - 2 * y!, 2 * x! + 1]);
  const { losses, gradients } = computeHint(makeHint(relationalKd, [2]), from, to);
  assertNear("loss", losses.map((loss) => loss + 1), [1], 1e-5);
  assertNear("gradient", gradients[1]!.map((g) => g + 1), Array(8).fill(1), 1e-4);
});

Deno.test("relational-kd refuses maps, and angles between outputs of one unit", () => {
  assertRefuses(() => makeHint(relationalKd, [4, 4, 3]), "[batch, 4, 4, 3]", "compare logits");
  assertRefuses(
    () => makeHint(relationalKd, [1]),
    "cannot compare angles between outputs",
    "set `angle: 0`",
  );
});
