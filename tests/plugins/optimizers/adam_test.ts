import { assertEquals } from "@std/assert";
import adam from "../../../plugins/optimizers/adam.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { assertLateSteps, assertReference, makeOptimizer, takeSteps } from "./support.ts";

Deno.test("adam fulfills the contract of an optimizer", async () => {
  await checkStage(adam);
  await checkStage(adam, { options: { betas: [0, 0], epsilon: 0.01, weightDecay: 0.1 } });
});

forEachEngine("adam agrees with PyTorch over ten steps", () => assertReference(adam));

forEachEngine(
  "adam corrects its moments in float64, from the first step to the millionth",
  () => assertLateSteps(adam),
);

Deno.test("adam keeps a mean and a mean square that start at 0", () => {
  assertEquals(makeOptimizer(adam).slots, { mean: 0, square: 0 });
});

forEachEngine(
  "adam's first step is the learning rate in the direction against the gradient, however small the gradient is",
  () => {
    // Both moments are corrected for their start at 0, so that the move is g / |g|.
    const [first] = takeSteps(makeOptimizer(adam), {
      start: [0, 0, 0, 0],
      gradients: [[1e-3, -1e-3, 1000, -1000]],
    });
    assertNear("weights", first!, [-0.1, 0.1, -0.1, 0.1]);
  },
);

forEachEngine("adam moves by the learning rate in each step if the gradient is constant", () => {
  const values = takeSteps(makeOptimizer(adam), {
    start: [1],
    gradients: [[0.3], [0.3], [0.3], [0.3]],
  });
  assertNear("weights", values.flat(), [0.9, 0.8, 0.7, 0.6]);
});

forEachEngine("adam adds epsilon to the root after the bias correction", () => {
  // With betas of 0 the move is rate · g / (|g| + ε).
  const values = takeSteps(makeOptimizer(adam, { betas: [0, 0], epsilon: 0.5 }), {
    start: [0, 0],
    gradients: [[0.5, -1.5], [1.5, 0]],
    learningRate: 1,
  });
  assertNear("weights", values.flat(), [-0.5, 0.75, -1.25, 0.75]);
  const [first] = takeSteps(makeOptimizer(adam, { epsilon: 0.5 }), {
    start: [0],
    gradients: [[0.5]],
    learningRate: 1,
  });
  assertNear("weight", first!, [-0.5]);
});

forEachEngine(
  "adam does not change weights without a gradient, and weight decay counts as a gradient",
  () => {
    const steps = { start: [2, -3], gradients: [[0, 0]] };
    assertEquals(takeSteps(makeOptimizer(adam), steps), [[2, -3]]);
    // The penalty's gradient is like any other: the first step is the rate against its sign.
    const [first] = takeSteps(makeOptimizer(adam, { weightDecay: 0.01 }), steps);
    assertNear("weights", first!, [1.9, -2.9]);
  },
);

Deno.test("adam refuses options that are out of range", () => {
  const accepts = (options: object) => adam.options.safeParse(options).success;
  assertEquals(accepts({ betas: [0, 0.9] }), true);
  assertEquals(accepts({ betas: [0.9, 1] }), false);
  assertEquals(accepts({ betas: [-0.1, 0.9] }), false);
  assertEquals(accepts({ betas: [0.9] }), false);
  assertEquals(accepts({ epsilon: 0 }), false);
  assertEquals(accepts({ weightDecay: -1 }), false);
});
