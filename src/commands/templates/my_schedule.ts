import {
  defineSchedule,
  type ScheduleStage,
  z,
} from "@rocket-launching/rocket/plugin";

const mySchedule: ScheduleStage = defineSchedule({
  name: "my-schedule",
  summary:
    "Lowers the learning rate to 0 as a power of the remaining fraction of the run.",
  options: z.object({
    power: z.number().positive().default(2).describe("The exponent."),
  }),
  create: ({ power }) => ({ step, steps }) => (1 - step / steps) ** power,
});
export default mySchedule;
