import { assertEquals } from "@std/assert";
import kl from "../../../plugins/losses/kl.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { assertReference, computeHint, makeHint } from "./support.ts";

const logs = (...parts: number[]) => parts.map(Math.log);

Deno.test("kl fulfills the contract of a loss", async () => {
  await checkStage(kl);
  await checkStage(kl, { options: { temperature: 4 } });
  await checkStage(kl, { options: { temperature: 4, scaleByTemperature: false } });
});

forEachEngine("kl agrees with PyTorch for 1, 2 and 5 logits, moderate and extreme", async () => {
  await assertReference(kl, [1, 2, 5], {}, "kl-temperature-1");
  await assertReference(kl, [1, 2, 5], { temperature: 4 }, "kl-temperature-4");
});

forEachEngine(
  "kl is Σ p (log p − log q) for each row, where p is the teacher's probability",
  () => {
    // p is 1/2, 1/4, 1/4 and q is 1/8, 4/8, 3/8; the other way round in the second row.
    const p = logs(2, 1, 1), q = logs(1, 4, 3);
    const { losses } = computeHint(makeHint(kl, [3]), [p, q, p], [q, p, p]);
    const forward = Math.log((1 / 2) / (1 / 8)) / 2 + Math.log((1 / 4) / (1 / 2)) / 4 +
      Math.log((1 / 4) / (3 / 8)) / 4;
    const backward = Math.log((1 / 8) / (1 / 2)) / 8 + Math.log((1 / 2) / (1 / 4)) / 2 +
      Math.log((3 / 8) / (1 / 4)) * 3 / 8;
    assertNear("losses", losses, [forward, backward, 0], 1e-6);
  },
);

forEachEngine(
  "kl divides logits by the temperature and multiplies by T² unless scaleByTemperature is false",
  () => {
    // At T = 2 the softmax of 2 log x is that of log x at T = 1.
    const from = [logs(4, 1, 1)], to = [logs(1, 16, 9)];
    const soft = [logs(2, 1, 1)], softTo = [logs(1, 4, 3)];
    const plain = computeHint(makeHint(kl, [3]), soft, softTo);
    const at = (options: object) =>
      computeHint(makeHint(kl, [3], [3], { temperature: 2, ...options }), from, to);
    const unscaled = at({ scaleByTemperature: false });
    assertNear("loss", unscaled.losses, plain.losses, 1e-5);
    // By the chain rule the gradient by a logit is half of it.
    assertNear("gradient", unscaled.gradients[1]!, plain.gradients[1]!.map((g) => g / 2), 1e-5);
    const scaled = at({ scaleByTemperature: true });
    assertNear("scaled loss", scaled.losses, plain.losses.map((loss) => loss * 4), 1e-5);
    assertNear(
      "scaled gradient",
      scaled.gradients[1]!,
      plain.gradients[1]!.map((g) => g * 2),
      1e-5,
    );
    assertEquals(at({}), scaled);
  },
);

forEachEngine("kl at a high temperature has the gradient that Hinton et al. derive", () => {
  // Their equation 4: (z − v) / N, times 1/T² that the scale undoes, for logits whose mean is 0.
  const teacher = [2, -1, -1], student = [-1, 3, -2];
  const hint = makeHint(kl, [3], [3], { temperature: 100 });
  const { gradients } = computeHint(hint, [teacher], [student]);
  assertNear("gradient", gradients[1]!, student.map((z, i) => (z - teacher[i]!) / 3), 0.05);
});

forEachEngine("kl treats one logit as two classes, the other with logit 0", () => {
  const options = { temperature: 2 };
  const one = computeHint(makeHint(kl, [1], [1], options), [[1.5], [-3]], [[-0.5], [4]]);
  const two = computeHint(
    makeHint(kl, [2], [2], options),
    [[1.5, 0], [-3, 0]],
    [[-0.5, 0], [4, 0]],
  );
  assertNear("losses", one.losses, two.losses, 1e-6);
  for (const side of [0, 1]) {
    const [first, , second] = two.gradients[side]!;
    assertNear("gradient", one.gradients[side]!, [first!, second!], 1e-5);
  }
});

forEachEngine("kl stays finite where the softmax saturates", () => {
  const two = computeHint(
    makeHint(kl, [2], [2], { temperature: 4 }),
    [[1000, 0], [1000, 0]],
    [[0, 1000], [1000, 0]],
  );
  // 1000 / T for the first row, times T²; its gradient is T (q − p), of the mean of two rows.
  assertEquals(two.losses, [4000, 0]);
  assertEquals(two.gradients[1], [-2, 2, 0, 0]);
  assertEquals(two.gradients[0]!.every(Number.isFinite), true);
  const one = computeHint(makeHint(kl, [1]), [[1000]], [[-1000]]);
  assertEquals(one.losses, [1000]);
  assertEquals(one.gradients[1], [-1]);
});

Deno.test("kl refuses maps, and outputs of different shapes", () => {
  assertRefuses(
    () => makeHint(kl, [4, 4, 3]),
    "kl compares outputs of shape [batch, units]; got [batch, 4, 4, 3]",
    "compare logits",
  );
  assertRefuses(
    () => makeHint(kl, [3], [2]),
    "kl compares outputs of equal shape; got [batch, 3] and [batch, 2]",
    "choose outputs of equal shape",
  );
});

Deno.test("kl refuses a temperature of 0 or below", () => {
  const accepts = (temperature: number) => kl.options.safeParse({ temperature }).success;
  assertEquals([-1, 0, 0.5, 20].map(accepts), [false, false, true, true]);
});
