import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Schedule } from "../../../src/stages/schedule.ts";
import constant from "../../../plugins/schedules/constant.ts";
import cosine from "../../../plugins/schedules/cosine.ts";
import ramp from "../../../plugins/schedules/ramp.ts";
import steps from "../../../plugins/schedules/steps.ts";
import warmUp from "../../../plugins/schedules/warm_up.ts";
import { factorsOf, makeSchedule, positionAt, type Run } from "./support.ts";

const runs = fc.record({
  epochs: fc.integer({ min: 1, max: 30 }),
  perEpoch: fc.integer({ min: 1, max: 20 }),
});
const unit = fc.constantFrom("epochs", "steps");
const fraction = fc.double({ min: 0, max: 1, noNaN: true });

const falling: Readonly<Record<string, fc.Arbitrary<() => Schedule>>> = {
  constant: fc.constant(() => makeSchedule(constant)),
  cosine: fraction.map((to) => () => makeSchedule(cosine, { to })),
  ramp: fc.record({
    end: fraction,
    after: fc.double({ min: 0, max: 40, noNaN: true }),
    over: fc.option(fc.double({ min: 0.1, max: 40, noNaN: true }), { nil: undefined }),
    unit,
    shape: fc.constantFrom("linear", "cosine"),
  }).map((options) => () => makeSchedule(ramp, { ...options, start: 1 })),
  steps: fc.record({
    at: fc.array(fc.double({ min: 0, max: 60, noNaN: true }), { minLength: 1, maxLength: 5 }),
    by: fc.double({ min: 1e-3, max: 1, noNaN: true }),
    unit,
  }).map((options) => () => makeSchedule(steps, options)),
};

for (const [name, schedules] of Object.entries(falling)) {
  Deno.test(`${name} never increases and is between 0 and 1 at every step of any run`, () => {
    fc.assert(fc.property(runs, schedules, (run, make) => {
      const factors = factorsOf(make(), run);
      factors.forEach((factor, step) => {
        assert(factor >= 0 && factor <= 1 + 1e-12, `${factor} at step ${step}`);
        if (step > 0) assert(factor <= factors[step - 1]! + 1e-12, `rises at step ${step}`);
      });
    }));
  });

  Deno.test(`${name} depends only on the step, not on earlier calls`, () => {
    fc.assert(fc.property(runs, schedules, fc.infiniteStream(fraction), (run, make, order) => {
      const factors = factorsOf(make(), run), resumed = make();
      for (let count = 0; count < 10; count++) {
        const at = Math.min(Math.floor(order.next().value! * factors.length), factors.length - 1);
        assertEquals(resumed(positionAt(at, run)), factors[at]);
      }
    }));
  });

  Deno.test(`${name} after a warm-up first increases linearly and then equals that of a shorter run`, () => {
    const long = runs.filter(({ epochs }) => epochs > 1);
    fc.assert(fc.property(long, schedules, fraction, fraction, (run, make, part, from) => {
      const epochs = 1 + Math.floor(part * (run.epochs - 2));
      const schedule = makeSchedule(warmUp, { for: epochs, from, then: undefined });
      const followed = warmUp.create({
        ...warmUp.options.parse({ for: epochs, from }) as object,
        then: make(),
      } as never, {});
      const rising = epochs * run.perEpoch;
      const rest: Run = { epochs: run.epochs - epochs, perEpoch: run.perEpoch };
      const factors = factorsOf(followed, run), expected = factorsOf(make(), rest);
      for (let step = 0; step < rising; step++) {
        assert(Math.abs(factors[step]! - (from + (1 - from) * step / rising)) < 1e-12);
      }
      assertEquals(factors.slice(rising), expected);
      // Without another schedule the rate stays.
      assert(factorsOf(schedule, run).slice(rising).every((factor) => factor === 1));
    }));
  });
}

Deno.test("cosine starts with the factor 1, and steps decreases only by its factor", () => {
  fc.assert(fc.property(runs, fraction, (run, to) => {
    assert(Math.abs(makeSchedule(cosine, { to })(positionAt(0, run)) - 1) < 1e-12);
    const at = Math.floor(to * run.epochs), by = 0.2;
    const factors = factorsOf(makeSchedule(steps, { at: [at], by }), run);
    factors.forEach((factor, step) => assertEquals(factor, step < at * run.perEpoch ? 1 : by));
  }));
});
