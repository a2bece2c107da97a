import { assertEquals } from "@std/assert";
import type { Position } from "../../../plugin.ts";
import cosine from "../../../plugins/schedules/cosine.ts";
import steps from "../../../plugins/schedules/steps.ts";
import warmUp from "../../../plugins/schedules/warm_up.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { assertReference, factorsOf, makeSchedule, positionAt } from "./support.ts";

Deno.test("warm-up fulfills the contract of a schedule", async () => {
  // The kit's shortest run is one step, which half a step or half an epoch is shorter than.
  await checkStage(warmUp, { options: { for: 0.5 } });
  await checkStage(warmUp, {
    options: { for: 0.5, unit: "steps", from: 0, then: makeSchedule(cosine) },
  });
});

Deno.test("warm-up agrees with PyTorch for each schedule that follows", async () => {
  await assertReference(
    makeSchedule(warmUp, { for: 5, from: 0.2, then: makeSchedule(cosine) }),
    "warmUpCosine",
  );
  await assertReference(
    makeSchedule(warmUp, { for: 4, then: makeSchedule(steps, { at: [6, 12], by: 0.2 }) }),
    "warmUpSteps",
  );
});

Deno.test("warm-up increases with each step to the factor 1 at its end, and then stays constant", () => {
  const schedule = makeSchedule(warmUp, { for: 2, from: 0.5 });
  const expected = [0.5, 0.625, 0.75, 0.875, 1, 1, 1, 1];
  assertEquals(factorsOf(schedule, { epochs: 4, perEpoch: 2 }), expected);
});

Deno.test("warm-up counts steps with `unit: steps`, and can start from 0 or 1", () => {
  const run = { epochs: 2, perEpoch: 3 };
  const from = (from: number) => makeSchedule(warmUp, { for: 4, unit: "steps", from });
  assertEquals(factorsOf(from(0), run), [0, 0.25, 0.5, 0.75, 1, 1]);
  assertEquals(factorsOf(from(1), run), [1, 1, 1, 1, 1, 1]);
});

Deno.test("warm-up starts from 0.1 by default", () => {
  const factors = factorsOf(makeSchedule(warmUp, { for: 1 }), { epochs: 2, perEpoch: 3 });
  assertNear("factors", factors, [0.1, 0.4, 0.7, 1, 1, 1], 1e-12);
});

Deno.test("warm-up that ends between two steps is on its line at the last step before its end", () => {
  const schedule = makeSchedule(warmUp, { for: 2.5, unit: "steps", from: 0 });
  assertEquals(factorsOf(schedule, { epochs: 1, perEpoch: 4 }), [0, 0.4, 0.8, 1]);
});

Deno.test("warm-up passes the remaining run, which starts at its end, to the schedule that follows", () => {
  const asked: Position[] = [];
  const then = (position: Position) => {
    asked.push(position);
    return 0.5;
  };
  const factors = factorsOf(makeSchedule(warmUp, { for: 1, from: 0.5, then }), {
    epochs: 3,
    perEpoch: 2,
  });
  assertEquals(factors, [0.5, 0.75, 0.5, 0.5, 0.5, 0.5]);
  assertEquals(asked, [
    { step: 0, steps: 4, epoch: 0, epochs: 2 },
    { step: 1, steps: 4, epoch: 0.5, epochs: 2 },
    { step: 2, steps: 4, epoch: 1, epochs: 2 },
    { step: 3, steps: 4, epoch: 1.5, epochs: 2 },
  ]);
});

Deno.test("warm-up in steps does not delay the epochs of the schedule that follows by rounding", () => {
  // 2.3 − 0.3 is less than 2 in floating-point numbers; the second epoch after 3 steps is at step
  // 23.
  const run = { epochs: 4, perEpoch: 10 };
  for (let length = 1; length < 10; length++) {
    const then = makeSchedule(steps, { at: [1, 2], by: 0.5 });
    const schedule = makeSchedule(warmUp, { for: length, unit: "steps", from: 1, then });
    const factors = factorsOf(schedule, run);
    const at = (...after: number[]) => after.map((step) => factors[length + step]);
    assertEquals(at(9, 10, 19, 20), [1, 0.5, 0.5, 0.25], `after ${length} steps`);
  }
});

Deno.test("warm-up can be followed by another warm-up", () => {
  const then = makeSchedule(warmUp, { for: 2, unit: "steps", from: 0.5 });
  const schedule = makeSchedule(warmUp, { for: 2, unit: "steps", from: 0, then });
  assertEquals(factorsOf(schedule, { epochs: 2, perEpoch: 3 }), [0, 0.5, 0.5, 0.75, 1, 1]);
});

Deno.test("warm-up refuses a run that is not longer than the warm-up, at the first step", () => {
  const run = { epochs: 5, perEpoch: 10 };
  const first = (options: object) => makeSchedule(warmUp, options)(positionAt(0, run));
  assertRefuses(
    () => first({ for: 6 }),
    "the warm-up of 6 epochs is not shorter than the run",
    "the run has 50 steps: write `unit: steps` and `for: 3`",
  );
  assertRefuses(() => first({ for: 5 }), "of 5 epochs", "for: 3");
  assertRefuses(() => first({ for: 50, unit: "steps" }), "of 50 steps", "for: 3");
  assertEquals(first({ for: 49, unit: "steps" }), 0.1);
  assertEquals(first({ for: 4.9 }), 0.1);
});

Deno.test("warm-up refuses invalid lengths, start factors and schedules that follow", () => {
  const accepts = (options: object) => warmUp.options.safeParse(options).success;
  assertEquals(accepts({ for: 1 }), true);
  assertEquals(accepts({}), false);
  assertEquals(accepts({ for: 0 }), false);
  assertEquals(accepts({ for: 1, from: -0.1 }), false);
  assertEquals(accepts({ for: 1, from: 1.1 }), false);
  assertEquals(accepts({ for: 1, unit: "rows" }), false);
  const { error } = warmUp.options.safeParse({ for: 1, then: "cosine" });
  assertEquals(error?.issues.map(({ message }) => message), ["expected a schedule stage"]);
});
