import { assertEquals } from "@std/assert";
import fitnet from "../../../plugins/losses/fitnet.ts";
import { checkStage } from "../../../testing.ts";
import { forEachEngine } from "../../support/engines.ts";
import { classLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { assertDistillation, lossContext, makeHint } from "./support.ts";
import { DeclaredVariables } from "../../../src/train/variables.ts";

Deno.test("fitnet fulfills the contract of a loss", async () => {
  await checkStage(fitnet);
  await checkStage(fitnet, { options: { regressor: "always", reduce: "half-sum" } });
  await checkStage(fitnet, { shapes: [[2, 2, 4], [4, 3, 3]] });
  await checkStage(fitnet, { shapes: [[4], [3]] });
});

forEachEngine(
  "fitnet agrees with PyTorch with and without its regressor, also in the regressor's gradient",
  () => assertDistillation(fitnet, 5),
);

function declared(from: number[], to: number[], options = {}): string[] {
  const variables = new DeclaredVariables();
  fitnet.create(fitnet.options.parse(options), lossContext(classLabel(3), [from, to], variables));
  return variables.all.map(({ name, shape, owner }) => `${owner} ${name} [${shape}]`);
}

Deno.test("fitnet declares a regressor if shapes differ, or if the option requires it", () => {
  assertEquals(declared([4, 4, 3], [4, 4, 3]), []);
  assertEquals(declared([4, 4, 3], [4, 4, 2]), [
    "loss losses/tried/regressor/kernel [1,1,2,3]",
    "loss losses/tried/regressor/bias [3]",
  ]);
  assertEquals(declared([5], [5], { regressor: "always" }), [
    "loss losses/tried/regressor/kernel [5,5]",
    "loss losses/tried/regressor/bias [5]",
  ]);
});

Deno.test("fitnet refuses to compare a map with a vector, and a larger map of the teacher", () => {
  assertRefuses(
    () => makeHint(fitnet, [4, 4, 3], [3]),
    "got [batch, 4, 4, 3] and [batch, 3]",
    "same",
  );
  assertRefuses(
    () => makeHint(fitnet, [8, 8, 3], [4, 4, 3]),
    "can make feature maps smaller but not larger",
    "no larger",
  );
});
