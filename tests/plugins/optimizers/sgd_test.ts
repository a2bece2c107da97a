import { assertEquals } from "@std/assert";
import sgd from "../../../plugins/optimizers/sgd.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { assertReference, makeOptimizer, takeSteps } from "./support.ts";

Deno.test("sgd fulfills the contract of an optimizer", async () => {
  await checkStage(sgd);
  await checkStage(sgd, { options: { momentum: 0.9, nesterov: true, weightDecay: 5e-4 } });
});

forEachEngine("sgd agrees with PyTorch over ten steps", () => assertReference(sgd));

Deno.test("sgd has a slot for the momentum if it has one, and no other slots", () => {
  assertEquals(makeOptimizer(sgd).slots, {});
  assertEquals(makeOptimizer(sgd, { weightDecay: 0.1 }).slots, {});
  assertEquals(makeOptimizer(sgd, { momentum: 0.9 }).slots, { momentum: 0 });
});

forEachEngine("sgd with momentum continues to move where the gradient is 0", () => {
  // m is 2, then 1, then 0.5; with Nesterov's the first moves are 2 + 1, 0 + 0.5, 0 + 0.25.
  const steps = { start: [0], gradients: [[2], [0], [0]], learningRate: 1 };
  const plain = makeOptimizer(sgd, { momentum: 0.5 });
  assertEquals(takeSteps(plain, steps), [[-2], [-3], [-3.5]]);
  const nesterov = makeOptimizer(sgd, { momentum: 0.5, nesterov: true });
  assertEquals(takeSteps(nesterov, steps), [[-3], [-3.5], [-3.75]]);
  assertEquals(takeSteps(makeOptimizer(sgd), steps), [[-2], [-2], [-2]]);
});

forEachEngine(
  "sgd decays weights where the gradient is 0, and the decay contributes to the momentum",
  () => {
    const steps = { start: [8, -4], gradients: [[0, 0], [0, 0]], learningRate: 0.5 };
    assertEquals(takeSteps(makeOptimizer(sgd, { weightDecay: 0.5 }), steps), [[6, -3], [
      4.5,
      -2.25,
    ]]);
    // g is 4, then 3; m is 4, then 0.5 · 4 + 3.
    const [, second] = takeSteps(makeOptimizer(sgd, { weightDecay: 0.5, momentum: 0.5 }), steps);
    assertNear("weights", second!, [6 - 2.5, -3 + 1.25]);
  },
);

Deno.test("sgd refuses Nesterov's momentum without momentum", () => {
  assertRefuses(
    () => makeOptimizer(sgd, { nesterov: true }),
    "sgd with `nesterov: true` needs momentum",
    "add `momentum: 0.9`, or remove `nesterov`",
  );
});

Deno.test("sgd refuses options that are out of range", () => {
  const accepts = (options: object) => sgd.options.safeParse(options).success;
  assertEquals([-0.1, 0, 0.99, 1].map((momentum) => accepts({ momentum })), [
    false,
    true,
    true,
    false,
  ]);
  assertEquals([-1, 0, 1].map((weightDecay) => accepts({ weightDecay })), [false, true, true]);
});
