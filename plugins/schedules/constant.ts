import { defineSchedule, type ScheduleStage, z } from "../../plugin.ts";

/** The learning rate stays. */
const stage: ScheduleStage = defineSchedule({
  name: "constant",
  summary: "The learning rate stays.",
  options: z.object({}),
  example: "use: constant",
  create: () => () => 1,
});
export default stage;
