import { defineSchedule, nestedStage, type Schedule, type ScheduleStage, z } from "../../plugin.ts";
import { checkStage } from "../../testing.ts";
import { assertBroken, named } from "./support.ts";

function schedule(create: () => Schedule): ScheduleStage {
  return defineSchedule({ ...named, options: z.object({}), create });
}

Deno.test("checkStage() passes schedules that keep their contract", async () => {
  await checkStage(schedule(() => ({ step, steps }) => 1 - step / steps));
});

Deno.test("checkStage() accepts a schedule function for a nested stage", async () => {
  const stage = defineSchedule({
    ...named,
    options: z.object({ then: nestedStage<Schedule>("schedule") }),
    example: "use: tried\nthen: { use: constant }",
    create: ({ then }) => (position) => position.step < 2 ? 0.5 : then(position),
  });
  await checkStage(stage, { options: { then: () => 1 } });
});

Deno.test("checkStage() finds a schedule that is not a function", async () => {
  await assertBroken(schedule(() => ({ learningRate: 1 }) as unknown as Schedule), [
    "returns a function",
    "the keys learningRate",
  ]);
});

Deno.test("checkStage() finds a schedule that is not finite at the end or in short runs", async () => {
  await assertBroken(schedule(() => ({ step, steps }) => 1 - step / (steps - 1)), [
    "returns finite numbers of at least 0",
    "step 0 of 1",
  ]);
  await assertBroken(schedule(() => ({ epoch }) => 1 - epoch / 10), [
    "it returned the number -0.0",
  ]);
});

Deno.test("checkStage() finds a schedule that keeps state", async () => {
  let learningRate = 1;
  await assertBroken(schedule(() => () => learningRate *= 0.99), [
    "is a pure function of the position",
  ]);
});

Deno.test("checkStage() finds a schedule that throws", async () => {
  await assertBroken(
    schedule(() => ({ step }) => {
      if (step > 3) throw new Error("too far");
      return 1;
    }),
    ["does not throw", "too far"],
  );
});
