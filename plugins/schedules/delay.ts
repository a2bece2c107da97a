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
 * The factor is 0 during the first part of the run, and then another schedule follows. As the
 * schedule of a hint loss, it lets the light net learn from the booster only from a step or an
 * epoch on. For the schedule that follows, the run starts at the end of the delay and is shorter by
 * its length.
 */
const stage: ScheduleStage = defineSchedule({
  name: "delay",
  summary:
    "Keeps the learning rate or the weight of a loss at 0 at first; then another schedule follows.",
  options: z.object({
    for: z.number().positive().describe("The length of the delay in epochs or steps."),
    unit: z.enum(["epochs", "steps"]).default("epochs").describe(
      "Whether `for` counts epochs or steps.",
    ),
    then: nestedStage<Schedule>("schedule").optional().describe(
      "The schedule after the delay; constant by default.",
    ),
  }),
  example: "use: delay\nfor: 5\nthen: { use: ramp, over: 10 }",
  create({ for: length, unit, then = () => 1 }) {
    return (position) => {
      const steps = stepsOf({ length, unit }, position);
      if (steps >= position.steps) {
        const least = fittingSteps(position);
        throw new UserError(`the delay of ${length} ${unit} is not shorter than the run`, {
          exitCode: 2,
          hint: hint(
            "delay/for",
            `the run has ${position.steps} steps: write \`unit: steps\` and \`for: ${least}\`, or a ` +
              "smaller number",
            { set: { unit: "steps", for: least } },
          ),
        });
      }
      return position.step < steps ? 0 : then(positionInRest(position, steps));
    };
  },
});
export default stage;
