import { assertAlmostEquals, assertEquals } from "@std/assert";
import ramp from "../../../plugins/gradients/ramp.ts";
import { checkStage } from "../../../testing.ts";
import { forEachEngine } from "../../support/engines.ts";
import {
  factorsAt,
  hintGradients,
  hintMoves,
  makePolicy,
  taskGradients,
  taskMoves,
} from "./support.ts";

const { booster, light } = hintGradients;

/** What passes to a side at some steps of a run of 4 epochs of 5 steps. */
function factors(options: { side?: "from" | "to" | "shared"; [key: string]: unknown }) {
  const policy = makePolicy(ramp, options);
  return (...steps: number[]) =>
    steps.map((step) => factorsAt(policy, step)[0]![options.side ?? "to"]);
}

Deno.test("ramp fulfills the contract of a gradient policy", async () => {
  await checkStage(ramp, { options: { over: 5 } });
  await checkStage(ramp, {
    options: { side: "from", start: 2, end: 0, after: 3, over: 7, unit: "steps" },
  });
});

Deno.test("ramp in steps is constant before and after its span and changes within it", () => {
  const at = factors({ start: 0.5, end: 2.5, after: 4, over: 8, unit: "steps" });
  assertEquals(at(0, 3, 4), [0.5, 0.5, 0.5]);
  assertEquals(at(5, 6, 8, 11), [0.75, 1, 1.5, 2.25]);
  assertEquals(at(12, 13, 19), [2.5, 2.5, 2.5]);
});

Deno.test("ramp in epochs changes with each step, not only with each epoch", () => {
  // Five steps an epoch: the span is from step 5 to step 15.
  const at = factors({ after: 1, over: 2 });
  assertEquals(at(0, 4, 5), [0, 0, 0]);
  [6, 7, 10, 14].forEach((step, index) =>
    assertAlmostEquals(at(step)[0]!, [0.1, 0.2, 0.5, 0.9][index]!, 1e-12)
  );
  assertEquals(at(15, 16, 19), [1, 1, 1]);
});

Deno.test("ramp decreases if its end is lower than its start", () => {
  const at = factors({ start: 1, end: 0, over: 4, unit: "steps" });
  assertEquals(at(0, 1, 2, 3, 4, 5), [1, 0.75, 0.5, 0.25, 0, 0]);
});

Deno.test("ramp may end after the run", () => {
  const at = factors({ over: 40, unit: "steps" });
  assertEquals(at(0, 10, 19), [0, 0.25, 0.475]);
  assertEquals(factors({ after: 30, over: 5, unit: "steps" })(0, 19), [0, 0]);
});

Deno.test("ramp changes the factor of one side only, and blocks the teacher unless it is that side", () => {
  const half = (options: object) => factorsAt(makePolicy(ramp, { over: 4, ...options }), 10);
  assertEquals(half({}), [{ from: 0, to: 0.5, shared: 1 }]);
  assertEquals(half({ side: "to" }), [{ from: 0, to: 0.5, shared: 1 }]);
  assertEquals(half({ side: "from" }), [{ from: 0.5, to: 1, shared: 1 }]);
  assertEquals(half({ side: "shared" }), [{ from: 0, to: 1, shared: 0.5 }]);
});

forEachEngine("ramp increases the booster's gradient over its span", () => {
  const policy = makePolicy(ramp, { side: "from", after: 1, over: 2 });
  const expected = (part: number) => ({
    booster: part * booster.booster,
    light: light.light,
    shared: part * booster.shared + light.shared,
  });
  assertEquals(hintMoves(policy, 2), expected(0));
  assertEquals(hintMoves(policy, 10), expected(0.5));
  assertEquals(hintMoves(policy, 17), expected(1));
});

forEachEngine("ramp increases the light net's gradient over its span", () => {
  const policy = makePolicy(ramp, { after: 4, over: 8, unit: "steps" });
  const expected = (part: number) => ({ light: part * light.light, shared: part * light.shared });
  assertEquals(hintMoves(policy, 4), expected(0));
  assertEquals(hintMoves(policy, 6), expected(0.25));
  assertEquals(hintMoves(policy, 12), expected(1));
});

forEachEngine("ramp increases the gradient of shared variables over its span", () => {
  const policy = makePolicy(ramp, { side: "shared", start: 1, end: 0, over: 4 });
  const expected = (part: number) => ({ light: light.light, shared: part * light.shared });
  assertEquals(hintMoves(policy, 0), expected(1));
  assertEquals(hintMoves(policy, 10), expected(0.5));
});

forEachEngine("ramp changes the gradient of a loss on the label", () => {
  assertEquals(taskMoves(makePolicy(ramp, { over: 4 }), "light", 10), {
    light: taskGradients.light / 2,
    shared: taskGradients.shared / 2,
  });
});

Deno.test("ramp refuses invalid spans and factors", () => {
  const accepts = (options: object) => ramp.options.safeParse(options).success;
  assertEquals(accepts({ over: 1 }), true);
  assertEquals(accepts({}), true);
  assertEquals(accepts({ over: 0 }), false);
  assertEquals(accepts({ over: 1, after: -1 }), false);
  assertEquals(accepts({ over: 1, start: -1 }), false);
  assertEquals(accepts({ over: 1, end: -1 }), false);
  assertEquals(accepts({ over: 1, side: "light" }), false);
  assertEquals(accepts({ over: 1, unit: "rows" }), false);
});
