import {
  defineSchedule,
  hint,
  nestedStage,
  type Schedule,
  type ScheduleStage,
  UserError,
  z,
} from "../../plugin.ts";
import { fittingSteps, positionInRest, stepsOf } from "./rest.ts";

/**
 * The learning rate rises linearly, and then another schedule follows. For that schedule, the run
 * starts at the end of the warm-up and is shorter by its length (as with `LinearLR` in
 * `torch.optim.lr_scheduler.SequentialLR`).
 */
const stage: ScheduleStage = defineSchedule({
  name: "warm-up",
  summary: "Raises the learning rate linearly; then another schedule follows.",
  options: z.object({
    for: z.number().positive().describe("The length of the warm-up in epochs or steps."),
    unit: z.enum(["epochs", "steps"]).default("epochs").describe(
      "Whether `for` counts epochs or steps.",
    ),
    from: z.number().min(0).max(1).default(0.1).describe(
      "The initial learning rate, as a fraction of the configured one.",
    ),
    then: nestedStage<Schedule>("schedule").optional().describe(
      "The schedule after the warm-up; constant by default.",
    ),
  }),
  example: "use: warm-up\nfor: 5\nthen: { use: cosine }",
  create({ for: length, unit, from, then = () => 1 }) {
    return (position) => {
      const steps = stepsOf({ length, unit }, position);
      if (steps >= position.steps) {
        const least = fittingSteps(position);
        throw new UserError(`the warm-up of ${length} ${unit} is not shorter than the run`, {
          exitCode: 2,
          hint: hint(
            "warm-up/for",
            `the run has ${position.steps} steps: write \`unit: steps\` and \`for: ${least}\`, or a ` +
              "smaller number",
            { set: { unit: "steps", for: least } },
          ),
        });
      }
      if (position.step < steps) return from + (1 - from) * position.step / steps;
      return then(positionInRest(position, steps));
    };
  },
});
export default stage;
