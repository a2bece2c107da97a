import { assert, assertEquals } from "@std/assert";
import cosine from "../../../plugins/schedules/cosine.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { assertReference, factorsOf, makeSchedule } from "./support.ts";

Deno.test("cosine fulfills the contract of a schedule", async () => {
  await checkStage(cosine);
  await checkStage(cosine, { options: { to: 0.1 } });
});

Deno.test("cosine agrees with PyTorch at whole epochs", async () => {
  await assertReference(makeSchedule(cosine), "cosine");
  // There the end is a rate of 0.001, which is a hundredth of 0.1.
  await assertReference(makeSchedule(cosine, { to: 0.01 }), "cosineTo");
});

Deno.test("cosine has the factors 1, 3/4, 1/2 and 1/4 at multiples of π / 6", () => {
  const run = { epochs: 2, perEpoch: 3 };
  const half = Math.sqrt(3) / 4;
  const expected = [1, 0.5 + half, 0.75, 0.5, 0.25, 0.5 - half];
  assertNear("factors", factorsOf(makeSchedule(cosine), run), expected, 1e-12);
  const raised = expected.map((factor) => 0.2 + 0.8 * factor);
  assertNear("factors", factorsOf(makeSchedule(cosine, { to: 0.2 }), run), raised, 1e-12);
});

Deno.test("cosine has not reached its final factor at the last step", () => {
  for (const to of [0, 0.3]) {
    const factors = factorsOf(makeSchedule(cosine, { to }), { epochs: 5, perEpoch: 4 });
    assertEquals(factors[0], 1);
    assert(factors.every((factor, step) => factor > (factors[step + 1] ?? to)));
    assert(factors.at(-1)! < to + 0.01);
  }
});

Deno.test("cosine of a run with one step has the factor 1", () => {
  assertEquals(factorsOf(makeSchedule(cosine, { to: 0.5 }), { epochs: 1, perEpoch: 1 }), [1]);
});

Deno.test("cosine refuses to end below 0", () => {
  assertEquals(cosine.options.safeParse({ to: -0.1 }).success, false);
});
