import { assertEquals } from "@std/assert";
import blockShared from "../../../plugins/gradients/block_shared.ts";
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

Deno.test("block-shared keeps the contract of a gradient policy", () => checkStage(blockShared));

Deno.test("block-shared is one pass to the student alone, all the run", () => {
  const policy = makePolicy(blockShared);
  for (const step of [0, 10, 19]) {
    assertEquals(factorsAt(policy, step), [{ from: 0, to: 1, shared: 0 }]);
  }
});

forEachEngine("block-shared moves the light net's own variables and no others", () => {
  assertEquals(hintMoves(makePolicy(blockShared)), { light: hintGradients.light.light });
});

forEachEngine("block-shared keeps a loss with the label from moving shared variables", () => {
  assertEquals(taskMoves(makePolicy(blockShared)), { light: taskGradients.light });
});
