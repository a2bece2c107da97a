import { assertEquals } from "@std/assert";
import adam from "../../../plugins/optimizers/adam.ts";
import adamw from "../../../plugins/optimizers/adamw.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { assertLateSteps, assertReference, makeOptimizer, takeSteps } from "./support.ts";

Deno.test("adamw fulfills the contract of an optimizer", async () => {
  await checkStage(adamw);
  await checkStage(adamw, { options: { betas: [0.8, 0.95], epsilon: 0.01, weightDecay: 0.1 } });
});

forEachEngine("adamw agrees with PyTorch over ten steps", () => assertReference(adamw));

forEachEngine(
  "adamw corrects its moments in float64, from the first step to the millionth",
  () => assertLateSteps(adamw),
);

Deno.test("adamw keeps a mean and a mean square that start at 0", () => {
  assertEquals(makeOptimizer(adamw).slots, { mean: 0, square: 0 });
});

forEachEngine("adamw decays weights by learningRate · weightDecay for any gradient", () => {
  const optimizer = makeOptimizer(adamw, { weightDecay: 0.5 });
  const still = takeSteps(optimizer, { start: [2, -4], gradients: [[0, 0], [0, 0]] });
  assertNear("weights", still.flat(), [1.9, -3.8, 1.805, -3.61]);
  // Adam's first move is the rate against the sign, and the decay does not enter into it.
  const [moved] = takeSteps(optimizer, { start: [2, -4], gradients: [[1000, 0.001]] });
  assertNear("weights", moved!, [1.9 - 0.1, -3.8 - 0.1]);
});

forEachEngine(
  "adamw without weight decay equals adam, and its default weight decay is 0.01",
  () => {
    const steps = { start: [1, -2], gradients: [[0.5, 0.1], [-0.25, 0.3], [0, 1]] };
    const plain = takeSteps(makeOptimizer(adam), steps);
    assertEquals(takeSteps(makeOptimizer(adamw, { weightDecay: 0 }), steps), plain);
    assertEquals(
      takeSteps(makeOptimizer(adamw), steps),
      takeSteps(makeOptimizer(adamw, { weightDecay: 0.01 }), steps),
    );
  },
);

Deno.test("adamw refuses options that are out of range", () => {
  const accepts = (options: object) => adamw.options.safeParse(options).success;
  assertEquals(accepts({ betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0 }), true);
  assertEquals(accepts({ betas: [1, 0.9] }), false);
  assertEquals(accepts({ epsilon: 0 }), false);
  assertEquals(accepts({ weightDecay: -1 }), false);
});
