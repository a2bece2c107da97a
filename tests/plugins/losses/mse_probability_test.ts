import { assertEquals } from "@std/assert";
import mseProbability from "../../../plugins/losses/mse_probability.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { assertReference, computeHint, makeHint } from "./support.ts";

Deno.test("mse-probability fulfills the contract of a loss", () => checkStage(mseProbability));

forEachEngine(
  "mse-probability agrees with PyTorch for 1, 2 and 5 logits, moderate and extreme",
  // A probability near 1 is rounded to 6e-8, which 1 − p in the small gradients there feels.
  () => assertReference(mseProbability, [1, 2, 5], {}, "mse-probability", 1e-3),
);

forEachEngine("mse-probability is the squared distance of the softmax, summed over classes", () => {
  const logs = (...parts: number[]) => parts.map(Math.log);
  // The softmax is 1/8, 2/8, 5/8, and 1/2, 1/4, 1/4.
  const { losses } = computeHint(makeHint(mseProbability, [3]), [logs(1, 2, 5)], [logs(2, 1, 1)]);
  assertNear("loss", losses, [(3 ** 2 + 0 + 3 ** 2) / 8 ** 2], 1e-6);
});

forEachEngine("mse-probability of one logit compares one sigmoid, not two probabilities", () => {
  // 3/4 and 1/4: a quarter, and not twice that as for two classes.
  const { losses } = computeHint(makeHint(mseProbability, [1]), [[Math.log(3)]], [[-Math.log(3)]]);
  assertNear("loss", losses, [1 / 4], 1e-6);
});

forEachEngine("mse-probability is finite and has no gradient where the softmax saturates", () => {
  const two = computeHint(makeHint(mseProbability, [2]), [[1000, -1000]], [[-1000, 1000]]);
  assertEquals(two, { losses: [2], gradients: [[0, 0], [0, 0]] });
  const one = computeHint(makeHint(mseProbability, [1]), [[1000]], [[-1000]]);
  assertEquals(one, { losses: [1], gradients: [[0], [0]] });
});

Deno.test("mse-probability refuses maps, and outputs of different shapes", () => {
  assertRefuses(
    () => makeHint(mseProbability, [4, 4, 3]),
    "mse-probability compares outputs of shape [batch, units]; got [batch, 4, 4, 3]",
    "compare logits",
  );
  assertRefuses(
    () => makeHint(mseProbability, [3], [1]),
    "mse-probability compares outputs of equal shape; got [batch, 3] and [batch, 1]",
    "choose outputs of equal shape",
  );
});
