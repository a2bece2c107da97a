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

Deno.test("block-shared fulfills the contract of a gradient policy", () => checkStage(blockShared));

Deno.test("block-shared consists of one pass that changes only the student, during the whole run", () => {
  const policy = makePolicy(blockShared);
  for (const step of [0, 10, 19]) {
    assertEquals(factorsAt(policy, step), [{ from: 0, to: 1, shared: 0 }]);
  }
});

forEachEngine("block-shared changes only the light net's own variables", () => {
  assertEquals(hintMoves(makePolicy(blockShared)), { light: hintGradients.light.light });
});

forEachEngine("block-shared keeps a loss on the label from changing shared variables", () => {
  assertEquals(taskMoves(makePolicy(blockShared)), { light: taskGradients.light });
});
