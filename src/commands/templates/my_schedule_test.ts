import { checkStage } from "@rocket-launching/rocket/testing";
import mySchedule from "./my_schedule.ts";

Deno.test("my-schedule keeps the contract of a schedule", async () => {
  await checkStage(mySchedule);
});
