import { assertEquals } from "@std/assert";
import adagrad from "../../../plugins/optimizers/adagrad.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { assertReference, makeOptimizer, takeSteps } from "./support.ts";

Deno.test("adagrad fulfills the contract of an optimizer", async () => {
  await checkStage(adagrad);
  await checkStage(adagrad, { options: { initial: 0.1, epsilon: 0.01, weightDecay: 0.1 } });
});

forEachEngine("adagrad agrees with PyTorch over ten steps", () => assertReference(adagrad));

Deno.test("adagrad keeps a sum of squares that starts at the initial value of its options", () => {
  assertEquals(makeOptimizer(adagrad).slots, { square: 0 });
  assertEquals(makeOptimizer(adagrad, { initial: 0.1 }).slots, { square: 0.1 });
});

forEachEngine("adagrad moves by learningRate / √t if the gradient is constant", () => {
  const values = takeSteps(makeOptimizer(adagrad), {
    start: [0, 0],
    gradients: [[0.01, -50], [0.01, -50], [0.01, -50]],
    learningRate: 1,
  });
  const sums = [1, 1 + 1 / Math.sqrt(2), 1 + 1 / Math.sqrt(2) + 1 / Math.sqrt(3)];
  assertNear("weights", values.flat(), sums.flatMap((sum) => [-sum, sum]), 1e-6);
});

forEachEngine("adagrad adds the initial sum and epsilon as PyTorch does", () => {
  // √(7 + 3²) + 2 is 6.
  const optimizer = makeOptimizer(adagrad, { initial: 7, epsilon: 2 });
  const [first] = takeSteps(optimizer, { start: [1], gradients: [[3]], learningRate: 1 });
  assertNear("weight", first!, [0.5]);
});

forEachEngine(
  "adagrad does not change weights without a gradient, and weight decay counts as a gradient",
  () => {
    const steps = { start: [2, -3], gradients: [[0, 0]] };
    assertEquals(takeSteps(makeOptimizer(adagrad), steps), [[2, -3]]);
    const [first] = takeSteps(makeOptimizer(adagrad, { weightDecay: 0.5 }), steps);
    assertNear("weights", first!, [1.9, -2.9]);
  },
);

Deno.test("adagrad refuses options that are out of range", () => {
  const accepts = (options: object) => adagrad.options.safeParse(options).success;
  assertEquals(accepts({ initial: 0, epsilon: 1e-10, weightDecay: 0 }), true);
  assertEquals(accepts({ initial: -1 }), false);
  assertEquals(accepts({ epsilon: 0 }), false);
  assertEquals(accepts({ weightDecay: -1 }), false);
});
