import { assertEquals } from "@std/assert";
import scale from "../../../plugins/gradients/scale.ts";
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

const { booster, light } = hintGradients;

Deno.test("scale fulfills the contract of a gradient policy", async () => {
  await checkStage(scale);
  await checkStage(scale, { options: { from: 0.1, to: 0, shared: 2 } });
});

Deno.test("scale passes the given fraction of the gradient to each side, and all of it by default", () => {
  const parts = { from: 0.5, to: 0.25, shared: 2 };
  for (const step of [0, 10, 19]) {
    assertEquals(factorsAt(makePolicy(scale, parts), step), [parts]);
    assertEquals(factorsAt(makePolicy(scale), step), [{ from: 1, to: 1, shared: 1 }]);
  }
  assertEquals(factorsAt(makePolicy(scale, { from: 0 })), [{ from: 0, to: 1, shared: 1 }]);
});

forEachEngine(
  "scale multiplies the gradient of each side and that of shared variables",
  () => {
    const policy = makePolicy(scale, { from: 0.5, to: 0.25, shared: 0.5 });
    assertEquals(hintMoves(policy), {
      booster: 0.5 * booster.booster,
      light: 0.25 * light.light,
      shared: 0.5 * (0.5 * booster.shared + 0.25 * light.shared),
    });
  },
);

forEachEngine("scale with a factor above 1 increases a gradient", () => {
  assertEquals(hintMoves(makePolicy(scale, { from: 0, to: 3 })), {
    light: 3 * light.light,
    shared: 3 * light.shared,
  });
});

forEachEngine("scale with a factor of 0 blocks the gradient of that side", () => {
  assertEquals(hintMoves(makePolicy(scale, { from: 0 })), light);
  assertEquals(hintMoves(makePolicy(scale, { to: 0 })), booster);
  assertEquals(hintMoves(makePolicy(scale, { shared: 0 })), {
    booster: booster.booster,
    light: light.light,
  });
});

forEachEngine("scale applies `to` and `shared` to a loss on the label", () => {
  assertEquals(taskMoves(makePolicy(scale, { from: 0, to: 0.5, shared: 0.25 })), {
    light: 0.5 * taskGradients.light,
    shared: 0.125 * taskGradients.shared,
  });
});

Deno.test("scale refuses factors below 0", () => {
  for (const side of ["from", "to", "shared"]) {
    assertEquals(scale.options.safeParse({ [side]: -0.5 }).success, false);
  }
});
