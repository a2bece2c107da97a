import { assertEquals } from "@std/assert";
import type { Position } from "../../../plugin.ts";
import delay from "../../../plugins/schedules/delay.ts";
import { checkStage } from "../../../testing.ts";
import { forEachEngine } from "../../support/engines.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { hintGradients, positionAt as inTwenty, weightedHint } from "../gradients/support.ts";
import { factorsOf, makeSchedule, positionAt } from "./support.ts";

Deno.test("delay fulfills the contract of a schedule", async () => {
  // The kit's shortest run is one step, which half a step or half an epoch is shorter than.
  await checkStage(delay, { options: { for: 0.5 } });
  await checkStage(delay, { options: { for: 0.5, unit: "steps", then: () => 2 } });
});

Deno.test("delay has the factor 0 before its end and 1 from then on", () => {
  const run = { epochs: 3, perEpoch: 2 };
  assertEquals(factorsOf(makeSchedule(delay, { for: 1 }), run), [0, 0, 1, 1, 1, 1]);
  assertEquals(factorsOf(makeSchedule(delay, { for: 3, unit: "steps" }), run), [0, 0, 0, 1, 1, 1]);
  assertEquals(factorsOf(makeSchedule(delay, { for: 1.25 }), run), [0, 0, 0, 1, 1, 1]);
});

Deno.test("delay passes the remaining run, which starts at its end, to the schedule that follows", () => {
  const asked: Position[] = [];
  const then = (position: Position) => {
    asked.push(position);
    return 0.5;
  };
  const factors = factorsOf(makeSchedule(delay, { for: 1, then }), { epochs: 2, perEpoch: 2 });
  assertEquals(factors, [0, 0, 0.5, 0.5]);
  assertEquals(asked, [
    { step: 0, steps: 2, epoch: 0, epochs: 1 },
    { step: 1, steps: 2, epoch: 0.5, epochs: 1 },
  ]);
});

forEachEngine("delay lets a hint send its gradient from a step on", () => {
  const weight = makeSchedule(delay, { for: 7, unit: "steps" });
  assertEquals(weightedHint(1, weight, 6).light + 0, 0);
  assertEquals(weightedHint(1, weight, 7).light, hintGradients.light.light);
  assertEquals(weight(inTwenty(19)), 1);
});

Deno.test("delay refuses a run that is not longer than the delay, at the first step", () => {
  const run = { epochs: 5, perEpoch: 10 };
  const first = (options: object) => makeSchedule(delay, options)(positionAt(0, run));
  assertRefuses(
    () => first({ for: 5 }),
    "the delay of 5 epochs is not shorter than the run",
    "the run has 50 steps: write `unit: steps` and `for: 3`",
  );
  assertEquals(first({ for: 49, unit: "steps" }), 0);
});

Deno.test("delay refuses invalid lengths and schedules that follow", () => {
  const accepts = (options: object) => delay.options.safeParse(options).success;
  assertEquals(accepts({ for: 1 }), true);
  for (const wrong of [{}, { for: 0 }, { for: 1, unit: "rows" }, { for: 1, then: "ramp" }]) {
    assertEquals(accepts(wrong), false, JSON.stringify(wrong));
  }
});
