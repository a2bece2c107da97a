import { assertEquals } from "@std/assert";
import steps from "../../../plugins/schedules/steps.ts";
import { checkStage } from "../../../testing.ts";
import { assertReference, factorsOf, makeSchedule } from "./support.ts";

Deno.test("steps fulfills the contract of a schedule", async () => {
  await checkStage(steps, { options: { at: [2, 5] } });
  await checkStage(steps, { options: { at: [3], by: 0.5, unit: "steps" } });
});

Deno.test("steps agrees with PyTorch at whole epochs", async () => {
  await assertReference(makeSchedule(steps, { at: [6, 12, 16], by: 0.2 }), "steps");
});

Deno.test("steps has the factors of the 200 epochs in the authors' code", () => {
  const factors = factorsOf(makeSchedule(steps, { at: [60, 120, 160], by: 0.2 }), {
    epochs: 200,
    perEpoch: 3,
  });
  const first = (epoch: number) => factors[epoch * 3]!;
  const last = (epoch: number) => factors[epoch * 3 + 2]!;
  assertEquals([first(0), last(59)], [1, 1]);
  assertEquals([first(60), last(119)], [0.2, 0.2]);
  assertEquals([first(120), last(159)], [0.2 ** 2, 0.2 ** 2]);
  assertEquals([first(160), last(199)], [0.2 ** 3, 0.2 ** 3]);
});

Deno.test("steps counts steps with `unit: steps`", () => {
  const schedule = makeSchedule(steps, { at: [1, 4], by: 0.5, unit: "steps" });
  assertEquals(factorsOf(schedule, { epochs: 2, perEpoch: 3 }), [1, 0.5, 0.5, 0.5, 0.25, 0.25]);
});

Deno.test("steps multiplies by 0.1 at epochs by default", () => {
  const schedule = makeSchedule(steps, { at: [1] });
  assertEquals(factorsOf(schedule, { epochs: 2, perEpoch: 2 }), [1, 1, 0.1, 0.1]);
});

Deno.test("steps accepts fractions of epochs", () => {
  const schedule = makeSchedule(steps, { at: [0.5], by: 0.5 });
  assertEquals(factorsOf(schedule, { epochs: 1, perEpoch: 4 }), [1, 1, 0.5, 0.5]);
  // Half of three steps is in the middle of the second.
  assertEquals(factorsOf(schedule, { epochs: 1, perEpoch: 3 }), [1, 1, 0.5]);
});

Deno.test("steps at 0 applies from the first step, and steps after the end of the run never apply", () => {
  const schedule = makeSchedule(steps, { at: [0, 2, 50], by: 0.5 });
  assertEquals(factorsOf(schedule, { epochs: 2, perEpoch: 2 }), [0.5, 0.5, 0.5, 0.5]);
});

Deno.test("steps accepts positions in any order, and applies a repeated position twice", () => {
  const factors = (at: number[]) =>
    factorsOf(makeSchedule(steps, { at, by: 0.5 }), { epochs: 4, perEpoch: 1 });
  assertEquals(factors([3, 1]), factors([1, 3]));
  assertEquals(factors([2, 2]), [1, 1, 0.25, 0.25]);
});

Deno.test("steps can increase the learning rate", () => {
  const schedule = makeSchedule(steps, { at: [1], by: 3 });
  assertEquals(factorsOf(schedule, { epochs: 2, perEpoch: 1 }), [1, 3]);
});

Deno.test("steps refuses an empty list, negative positions, and a factor of 0", () => {
  const accepts = (options: object) => steps.options.safeParse(options).success;
  assertEquals(accepts({ at: [1] }), true);
  assertEquals(accepts({}), false);
  assertEquals(accepts({ at: [] }), false);
  assertEquals(accepts({ at: [-1] }), false);
  assertEquals(accepts({ at: [1], by: 0 }), false);
  assertEquals(accepts({ at: [1], unit: "rows" }), false);
});
