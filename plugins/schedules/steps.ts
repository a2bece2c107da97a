import { defineSchedule, type ScheduleStage, z } from "../../plugin.ts";

/**
 * The learning rate is multiplied by a factor at given epochs or steps, as in
 * `torch.optim.lr_scheduler.MultiStepLR`: `at: [60]` is after 60 whole epochs. The authors of
 * Rocket Launching multiply by 0.2 at 60, 120, and 160 of 200 epochs.
 */
const stage: ScheduleStage = defineSchedule({
  name: "steps",
  summary: "Multiplies the learning rate by a factor after some epochs or steps.",
  options: z.object({
    at: z.array(z.number().min(0)).min(1).describe(
      "The numbers of epochs or steps after which the learning rate changes.",
    ),
    by: z.number().positive().default(0.1).describe(
      "The factor that multiplies the learning rate at each point listed in `at`.",
    ),
    unit: z.enum(["epochs", "steps"]).default("epochs").describe(
      "Whether `at` counts epochs or steps.",
    ),
  }),
  example: "use: steps\nat: [60, 120, 160]\nby: 0.2",
  create: ({ at, by, unit }) => ({ step, epoch }) => {
    const now = unit === "steps" ? step : epoch;
    return by ** at.filter((drop) => drop <= now).length;
  },
});
export default stage;
