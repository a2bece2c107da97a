import { assert, assertEquals } from "@std/assert";
import { remainingText, RemainingTime } from "../../../plugins/outputs/remaining_time.ts";
import { createRandom } from "../../../src/base/random.ts";

/** How long the parts of a simulated job take, in milliseconds. */
interface Job {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly stepTime: (step: number) => number;
  readonly pause?: (epoch: number) => number;
  readonly phaseOf?: (epoch: number) => string;
}

/** An estimate after a step, and the time that the rest of the job really took. */
interface Estimate {
  readonly now: number;
  readonly step: number;
  readonly estimate: number | undefined;
  readonly actual: number;
}

function simulated({ epochs, stepsPerEpoch, stepTime, pause = () => 0, phaseOf }: Job): Estimate[] {
  const remaining = new RemainingTime(epochs, stepsPerEpoch, 0);
  const estimates: Omit<Estimate, "actual">[] = [];
  let now = 1_000;
  for (let step = 1; step <= epochs * stepsPerEpoch; step++) {
    now += stepTime(step);
    const epoch = Math.ceil(step / stepsPerEpoch);
    remaining.add(step, epoch, phaseOf?.(epoch), now);
    estimates.push({ now, step, estimate: remaining.left });
    if (step % stepsPerEpoch === 0) now += pause(epoch);
  }
  return estimates.map((one) => ({ ...one, actual: now - one.now }));
}

/** The largest relative error of the estimates from a step on. */
function largestError(estimates: readonly Estimate[], from: number, to = Infinity): number {
  return Math.max(
    ...estimates.filter(({ step }) => step >= from && step <= to)
      .map(({ estimate, actual }) => Math.abs(estimate! - actual) / (actual + 5_000)),
  );
}

/** The largest move of the estimated end within a second, as a share of the remaining time. */
function largestJump(estimates: readonly Estimate[]): number {
  const known = estimates.filter(({ estimate }) => estimate !== undefined);
  return Math.max(
    ...known.slice(1).map(({ now, estimate }, at) => {
      const before = known[at]!;
      const moved = Math.abs(now + estimate! - (before.now + before.estimate!));
      return moved / Math.max(1, (now - before.now) / 1_000) / (before.estimate! + 5_000);
    }),
  );
}

Deno.test("RemainingTime leaves out the set-up in the first steps", () => {
  const stepTime = (step: number) => step === 1 ? 30_000 : step <= 3 ? 5_000 : 50;
  const estimates = simulated({ epochs: 10, stepsPerEpoch: 200, stepTime });
  assertEquals(estimates[10]!.estimate, undefined);
  assert(largestError(estimates, 30) < 0.01);
});

Deno.test("RemainingTime counts the evaluations, and does not jump when the first one ends", () => {
  const estimates = simulated({
    epochs: 20,
    stepsPerEpoch: 500,
    stepTime: () => 20,
    pause: () => 5_000,
  });
  assert(largestJump(estimates) < 0.12);
  // Once some evaluations have been measured.
  assert(largestError(estimates, 2_500) < 0.05);
});

Deno.test("RemainingTime leaves out the set-up of the first evaluation", () => {
  const estimates = simulated({
    epochs: 10,
    stepsPerEpoch: 200,
    stepTime: () => 50,
    pause: (epoch) => epoch === 1 ? 8_000 : 500,
  });
  assert(largestJump(estimates) < 0.1);
  assert(largestError(estimates, 100) < 0.4);
  assert(largestError(estimates, 900) < 0.05);
});

Deno.test("RemainingTime does not jump because of noise and a single pause", () => {
  const random = createRandom(7);
  const estimates = simulated({
    epochs: 10,
    stepsPerEpoch: 1_000,
    stepTime: (step) => step === 1 ? 10_000 : step === 4_500 ? 20_000 : 10 + 40 * random.uniform(),
  });
  assert(largestJump(estimates) < 0.05);
  assert(largestError(estimates, 4_501) < 0.1);
});

Deno.test("RemainingTime follows steps that become slower", () => {
  const estimates = simulated({
    epochs: 10,
    stepsPerEpoch: 1_000,
    stepTime: (step) => step < 4_000 ? 10 : 40,
  });
  assert(largestJump(estimates) < 0.2);
  assert(largestError(estimates, 6_500) < 0.1);
});

Deno.test("RemainingTime starts again in another phase", () => {
  const estimates = simulated({
    epochs: 4,
    stepsPerEpoch: 1_000,
    stepTime: (step) => step <= 2_000 ? 10 : step === 2_001 ? 8_000 : 60,
    phaseOf: (epoch) => epoch <= 2 ? "first" : "second",
  });
  assert(largestError(estimates, 2_700) < 0.1);
});

Deno.test("RemainingTime of a resumed job counts only the steps that are left", () => {
  const remaining = new RemainingTime(10, 100, 900);
  for (let step = 901; step <= 950; step++) remaining.add(step, 10, undefined, 100 * step);
  assertEquals(Math.round(remaining.left! / 100), 50);
});

Deno.test("remainingText() shows long times in coarse units", () => {
  const texts = [undefined, 0, 7_400, 63_000, 119_000, 1_850_000, 8_000_000, 1e8].map(
    remainingText,
  );
  assertEquals(texts, [
    ...["", "0 s left", "7 s left", "60 s left", "2 min left", "31 min left"],
    ...["2 h 10 min left", "1 d 3 h left"],
  ]);
  for (let time = 0; time < 1e9; time += 12_345) assert(remainingText(time).length <= 16);
});
