import { assertEquals } from "@std/assert";
import constant from "../../../plugins/schedules/constant.ts";
import { checkStage } from "../../../testing.ts";
import { factorsOf, makeSchedule } from "./support.ts";

Deno.test("constant fulfills the contract of a schedule", () => checkStage(constant));

Deno.test("constant has the factor 1 from the first step to the last", () => {
  const schedule = makeSchedule(constant);
  assertEquals(factorsOf(schedule, { epochs: 2, perEpoch: 3 }), [1, 1, 1, 1, 1, 1]);
  assertEquals(factorsOf(schedule, { epochs: 1, perEpoch: 1 }), [1]);
});
