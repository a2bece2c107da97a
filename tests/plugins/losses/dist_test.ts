import { assertEquals } from "@std/assert";
import dist from "../../../plugins/losses/dist.ts";
import { checkStage } from "../../../testing.ts";
import { forEachEngine } from "../../support/engines.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { assertDistillation, computeHint, makeHint } from "./support.ts";

Deno.test("dist fulfills the contract of a loss", async () => {
  await checkStage(dist);
  await checkStage(dist, { options: { beta: 0, temperature: 4 } });
});

forEachEngine(
  "dist agrees with PyTorch for 1, 2 and 5 logits",
  () => assertDistillation(dist, 6, 5e-4),
);

forEachEngine("dist stays finite where the softmax saturates", () => {
  const { losses, gradients } = computeHint(
    makeHint(dist, [3]),
    [[1000, 0, -1000], [1000, 0, 0]],
    [[0, 1000, -1000], [-1000, 0, 0]],
  );
  assertEquals([...losses, ...gradients.flat()].every(Number.isFinite), true);
});

Deno.test("dist refuses two classes if its inter-class term has a weight", () => {
  for (const units of [1, 2]) {
    assertRefuses(
      () => makeHint(dist, [units]),
      "with two classes, the inter-class term",
      "set `beta: 0`",
    );
    makeHint(dist, [units], [units], { beta: 0 });
  }
});
