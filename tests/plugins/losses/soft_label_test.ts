import { assertEquals } from "@std/assert";
import kl from "../../../plugins/losses/kl.ts";
import softLabel from "../../../plugins/losses/soft_label.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { assertReference, computeHint, makeHint } from "./support.ts";

const logs = (...parts: number[]) => parts.map(Math.log);

Deno.test("soft-label fulfills the contract of a loss", async () => {
  await checkStage(softLabel);
  await checkStage(softLabel, { options: { temperature: 4 } });
  await checkStage(softLabel, { options: { temperature: 4, scaleByTemperature: false } });
});

forEachEngine(
  "soft-label agrees with PyTorch for 1, 2 and 5 logits, moderate and extreme",
  async () => {
    await assertReference(softLabel, [1, 2, 5], {}, "soft-label-temperature-1");
    await assertReference(softLabel, [1, 2, 5], { temperature: 4 }, "soft-label-temperature-4");
  },
);

forEachEngine("soft-label is −Σ p log q for each row, where p is the teacher's probability", () => {
  // p is 1/2, 1/4, 1/4 and q is 1/8, 4/8, 3/8.
  const p = logs(2, 1, 1), q = logs(1, 4, 3);
  const { losses } = computeHint(makeHint(softLabel, [3]), [p, q], [q, p]);
  const forward = Math.log(8) / 2 + Math.log(2) / 4 + Math.log(8 / 3) / 4;
  const backward = Math.log(2) / 8 + Math.log(4) / 2 + Math.log(4) * 3 / 8;
  assertNear("losses", losses, [forward, backward], 1e-6);
});

forEachEngine(
  "soft-label is kl plus the teacher's entropy, with the student's gradient of kl",
  () => {
    // At T = 2 the teacher's softmax is 1/2, 1/4, 1/4.
    const from = [logs(4, 1, 1)], to = [[0.3, -1, 2]];
    const options = { temperature: 2, scaleByTemperature: false };
    const soft = computeHint(makeHint(softLabel, [3], [3], options), from, to);
    const divergence = computeHint(makeHint(kl, [3], [3], options), from, to);
    const entropy = Math.log(2) / 2 + Math.log(4) / 2;
    assertNear("loss", soft.losses, divergence.losses.map((loss) => loss + entropy), 1e-6);
    assertNear("gradient", soft.gradients[1]!, divergence.gradients[1]!, 1e-5);
  },
);

forEachEngine("soft-label multiplies by T² unless scaleByTemperature is false", () => {
  const from = [[1, -2, 0.5]], to = [[0.3, -1, 2]];
  const at = (options: object) =>
    computeHint(makeHint(softLabel, [3], [3], { temperature: 3, ...options }), from, to);
  const unscaled = at({ scaleByTemperature: false }), scaled = at({});
  assertNear("loss", scaled.losses, unscaled.losses.map((loss) => loss * 9), 1e-6);
  for (const side of [0, 1]) {
    const expected = unscaled.gradients[side]!.map((g) => g * 9);
    assertNear("gradient", scaled.gradients[side]!, expected, 1e-5);
  }
});

forEachEngine("soft-label treats one logit as two classes, the other with logit 0", () => {
  // The teacher says 3/4, the student 1/4.
  const { losses, gradients } = computeHint(
    makeHint(softLabel, [1]),
    [[Math.log(3)]],
    [[-Math.log(3)]],
  );
  assertNear("loss", losses, [Math.log(4) * 3 / 4 + Math.log(4 / 3) / 4], 1e-6);
  assertNear("gradient", gradients[1]!, [1 / 4 - 3 / 4], 1e-6);
});

forEachEngine("soft-label stays finite where the softmax saturates", () => {
  const two = computeHint(
    makeHint(softLabel, [2], [2], { temperature: 4 }),
    [[1000, 0], [1000, 0]],
    [[0, 1000], [1000, 0]],
  );
  // 1000 / T for the first row, times T²; its gradient is T (q − p), of the mean of two rows.
  assertEquals(two.losses, [4000, 0]);
  assertEquals(two.gradients[1], [-2, 2, 0, 0]);
  assertEquals(two.gradients[0]!.every(Number.isFinite), true);
  const one = computeHint(makeHint(softLabel, [1]), [[-1000]], [[1000]]);
  assertEquals(one.losses, [1000]);
  assertEquals(one.gradients[1], [1]);
});

Deno.test("soft-label refuses maps, and outputs of different shapes", () => {
  assertRefuses(
    () => makeHint(softLabel, [4, 4, 3]),
    "soft-label compares outputs of shape [batch, units]; got [batch, 4, 4, 3]",
    "compare logits",
  );
  assertRefuses(
    () => makeHint(softLabel, [3], [2]),
    "soft-label compares outputs of equal shape; got [batch, 3] and [batch, 2]",
    "choose outputs of equal shape",
  );
});

Deno.test("soft-label refuses a temperature of 0 or below", () => {
  const accepts = (temperature: number) => softLabel.options.safeParse({ temperature }).success;
  assertEquals([-1, 0, 0.5, 20].map(accepts), [false, false, true, true]);
});
