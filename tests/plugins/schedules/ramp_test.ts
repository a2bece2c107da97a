import { assert, assertEquals } from "@std/assert";
import ramp from "../../../plugins/schedules/ramp.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { hintGradients, weightedHint } from "../gradients/support.ts";
import { factorsOf, makeSchedule } from "./support.ts";

const run = { epochs: 2, perEpoch: 4 };
const factors = (options: object) => factorsOf(makeSchedule(ramp, options), run);

Deno.test("ramp fulfills the contract of a schedule", async () => {
  await checkStage(ramp);
  await checkStage(ramp, {
    options: { start: 2, end: 0, after: 3, over: 7, unit: "steps", shape: "cosine" },
  });
});

Deno.test("ramp as a schedule is constant before and after its span and linear within it", () => {
  const at = factors({ start: 0.5, end: 2.5, after: 2, over: 4, unit: "steps" });
  assertEquals(at, [0.5, 0.5, 0.5, 1, 1.5, 2, 2.5, 2.5]);
  assertEquals(factors({ after: 0.5, over: 1 }), [0, 0, 0, 0.25, 0.5, 0.75, 1, 1]);
});

Deno.test("ramp changes until the end of the run by default", () => {
  assertEquals(factors({}), [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875]);
  assertEquals(factors({ start: 1, end: 0, after: 1 }), [1, 1, 1, 1, 1, 0.75, 0.5, 0.25]);
  assertEquals(factors({ after: 2 }), [0, 0, 0, 0, 0, 0, 0, 0]);
  assertEquals(factors({ after: 9, unit: "steps" }), [0, 0, 0, 0, 0, 0, 0, 0]);
});

Deno.test("ramp along a cosine has the values of (1 − cos(π p)) / 2", () => {
  const half = Math.sqrt(2) / 4;
  const expected = [0, 0.5 - half, 0.5, 0.5 + half, 1, 1, 1, 1];
  assertNear("rising", factors({ over: 1, shape: "cosine" }), expected, 1e-12);
  assertNear(
    "falling",
    factors({ start: 3, end: 1, over: 1, shape: "cosine" }),
    expected.map((part) => 3 - 2 * part),
    1e-12,
  );
});

forEachEngine(
  "ramp as the schedule of a loss multiplies its gradient and its part of the total",
  () => {
    const schedule = makeSchedule(ramp, { after: 4, over: 8, unit: "steps" });
    // The mean of (10x − 6x)², with x² = 2.5 on average.
    const term = 40;
    for (const [step, part] of [[0, 0], [6, 0.25], [8, 0.5], [19, 1]] as const) {
      const found = weightedHint(0.5, schedule, step);
      assertEquals(found.term, term, "the loss itself is reported before its weight");
      assertEquals(found.total, 0.5 * part * term);
      assertEquals(found.light + 0, 0.5 * part * hintGradients.light.light);
    }
  },
);

Deno.test("ramp as a schedule refuses invalid spans, factors and shapes", () => {
  const accepts = (options: object) => ramp.options.safeParse(options).success;
  assert(accepts({}));
  for (const wrong of [{ over: 0 }, { after: -1 }, { start: -1 }, { end: -1 }, { shape: "x" }]) {
    assertEquals(accepts(wrong), false, JSON.stringify(wrong));
  }
});
