import { defineSchedule, type ScheduleStage, z } from "../../plugin.ts";

/**
 * The learning rate falls along half a cosine over the whole run, step by step: to + (1 − to) · (1
 * + cos(π · step / steps)) / 2 (Loshchilov and Hutter, 2017, arXiv:1608.03983). At whole epochs,
 * it equals `torch.optim.lr_scheduler.CosineAnnealingLR`.
 */
const stage: ScheduleStage = defineSchedule({
  name: "cosine",
  summary: "Lowers the learning rate over the run along half a period of a cosine.",
  options: z.object({
    to: z.number().min(0).default(0).describe(
      "The final learning rate, as a fraction of the configured one.",
    ),
  }),
  example: "use: cosine\nto: 0.01",
  create: ({ to }) => ({ step, steps }) =>
    to + (1 - to) * (1 + Math.cos(Math.PI * step / steps)) / 2,
});
export default stage;
