import { assertEquals } from "@std/assert";
import none from "../../../plugins/gradients/none.ts";
import { checkStage } from "../../../testing.ts";
import { forEachEngine } from "../../support/engines.ts";
import {
  factorsAt,
  hintGradients,
  hintMoves,
  makePolicy,
  taskGradients,
  taskMoves,
} from "./support.ts";

Deno.test("none fulfills the contract of a gradient policy", () => checkStage(none));

Deno.test("none consists of one pass with all gradients, during the whole run", () => {
  const policy = makePolicy(none);
  for (const step of [0, 10, 19]) {
    assertEquals(factorsAt(policy, step), [{ from: 1, to: 1, shared: 1 }]);
  }
});

forEachEngine("none changes both nets, and shared variables through both", () => {
  const { booster, light } = hintGradients;
  assertEquals(hintMoves(makePolicy(none)), {
    booster: booster.booster,
    light: light.light,
    shared: booster.shared + light.shared,
  });
});

forEachEngine("none lets a loss on the label change only its net and shared variables", () => {
  assertEquals(taskMoves(makePolicy(none)), taskGradients);
  // The mean of (10x)²: 2 · 10x · 2x and 2 · 10x · 5x.
  assertEquals(taskMoves(makePolicy(none), "booster"), { booster: 100, shared: 250 });
});
