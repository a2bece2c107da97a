import { defineGradient, type GradientStage, z } from "../../plugin.ts";
import { rampFactor, rampOptions } from "../schedules/ramp.ts";

/**
 * Multiplies one gradient by a factor that changes during part of the run. The gradient to
 * the teacher is blocked unless it is the one that changes.
 */
const stage: GradientStage = defineGradient({
  name: "ramp",
  summary:
    "Multiplies one gradient by a factor that changes during part of the run; the one into the teacher is blocked otherwise.",
  options: z.object({
    side: z.enum(["from", "to", "shared"]).default("to").describe(
      "Which gradient is multiplied by the changing factor: `from` is the gradient into the teacher, `to` the gradient into the student, and `shared` the gradient into the variables that both nets share. The gradient into the teacher is blocked with any other value than `from`.",
    ),
    ...rampOptions,
  }),
  example: "use: ramp\nside: to\nstart: 0\nend: 1\nover: 5\nunit: epochs",
  create: ({ side, ...ramp }) => [{ from: 0, to: 1, shared: 1, [side]: rampFactor(ramp) }],
});
export default stage;
