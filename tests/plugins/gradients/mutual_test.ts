import { assertEquals } from "@std/assert";
import mutual from "../../../plugins/gradients/mutual.ts";
import kl from "../../../plugins/losses/kl.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { factorsAt, hintGradients, hintMoves, makePolicy, rows, start } from "./support.ts";

Deno.test("mutual fulfills the contract of a gradient policy", () => checkStage(mutual));

Deno.test("mutual consists of two passes, each without a gradient to its teacher, during the whole run", () => {
  const policy = makePolicy(mutual);
  for (const step of [0, 10, 19]) {
    assertEquals(factorsAt(policy, step), [
      { from: 0, to: 1, shared: 1 },
      { from: 0, to: 1, shared: 1, reversed: true },
    ]);
  }
});

forEachEngine(
  "mutual changes both nets towards each other, and shared variables through both",
  () => {
    const { booster, light } = hintGradients;
    assertEquals(hintMoves(makePolicy(mutual)), {
      booster: booster.booster,
      light: light.light,
      shared: booster.shared + light.shared,
    });
  },
);

forEachEngine("mutual gives each net the gradient of kl with the other net as its teacher", () => {
  // By a student logit kl's gradient is σ(student) − σ(teacher); by the teacher's it is another.
  const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));
  const mean = (of: (x: number) => number) => rows.reduce((sum, x) => sum + of(x), 0) / rows.length;
  const light = (x: number) => start.light * start.shared * x;
  const booster = (x: number) => start.booster * start.shared * x;
  const apart = (x: number) => sigmoid(light(x)) - sigmoid(booster(x));
  const expected = [
    mean((x) => apart(x) * start.shared * x),
    mean((x) => -apart(x) * start.shared * x),
    mean((x) => apart(x) * (start.light - start.booster) * x),
  ];
  const moved = hintMoves(makePolicy(mutual), 0, kl);
  assertNear("gradients", [moved.light!, moved.booster!, moved.shared!], expected, 1e-3);
});
