import { assertEquals } from "@std/assert";
import block from "../../../plugins/gradients/block.ts";
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

Deno.test("block fulfills the contract of a gradient policy", () => checkStage(block));

Deno.test("block consists of one pass without a gradient to the teacher, during the whole run", () => {
  const policy = makePolicy(block);
  for (const step of [0, 10, 19]) {
    assertEquals(factorsAt(policy, step), [{ from: 0, to: 1, shared: 1 }]);
  }
});

forEachEngine("block changes the light net and, through it, shared variables", () => {
  // The booster's own variable gets no gradient at all rather than one of 0.
  assertEquals(hintMoves(makePolicy(block)), hintGradients.light);
});

forEachEngine("block does not affect a loss on the label", () => {
  assertEquals(taskMoves(makePolicy(block)), taskGradients);
});

Deno.test("block has no options", () => {
  assertEquals(block.options.safeParse({ side: "to" }).success, false);
});
