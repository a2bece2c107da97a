import { defineGradient, type GradientStage, type Position, z } from "../../plugin.ts";

/**
 * Multiplies one gradient by a factor that changes linearly during part of the run. The gradient to
 * the teacher is blocked unless it is the one that changes.
 */
const stage: GradientStage = defineGradient({
  name: "ramp",
  summary: "Multiplies one gradient by a factor that changes linearly during part of the run.",
  options: z.object({
    side: z.enum(["from", "to", "shared"]).default("to").describe(
      "Which gradient is multiplied by the changing factor: `from` is the gradient into the teacher, `to` the gradient into the student, and `shared` the gradient into the variables that both nets share.",
    ),
    start: z.number().min(0).default(0).describe(
      "The factor that multiplies the gradient before the change starts.",
    ),
    end: z.number().min(0).default(1).describe(
      "The factor that multiplies the gradient after the change has ended.",
    ),
    after: z.number().min(0).default(0).describe(
      "The number of epochs or steps before the change starts.",
    ),
    over: z.number().positive().describe(
      "The number of epochs or steps during which the factor changes.",
    ),
    unit: z.enum(["steps", "epochs"]).default("epochs").describe(
      "Whether `after` and `over` count epochs or steps.",
    ),
  }),
  example: "use: ramp\nside: to\nstart: 0\nend: 1\nover: 5\nunit: epochs",
  create({ side, start, end, after, over, unit }) {
    const factor = ({ step, epoch }: Position) => {
      const done = ((unit === "steps" ? step : epoch) - after) / over;
      return start + (end - start) * Math.min(Math.max(done, 0), 1);
    };
    return [{ from: 0, to: 1, shared: 1, [side]: factor }];
  },
});
export default stage;
