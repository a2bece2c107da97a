import { defineSchedule, type ScheduleStage, z } from "../../plugin.ts";

/** Keeps the learning rate, or the weight of a loss, constant. */
const stage: ScheduleStage = defineSchedule({
  name: "constant",
  summary: "Keeps the learning rate or the weight of a loss constant.",
  options: z.object({}),
  example: "use: constant",
  create: () => () => 1,
});
export default stage;
