import { defineSchedule, type Position, type ScheduleStage, z } from "../../plugin.ts";

/** The options of {@linkcode rampFactor}, which the gradient policy `ramp` has as well. */
export const rampOptions = {
  start: z.number().min(0).default(0).describe("The factor before the change starts."),
  end: z.number().min(0).default(1).describe("The factor after the change has ended."),
  after: z.number().min(0).default(0).describe(
    "The number of epochs or steps before the change starts.",
  ),
  over: z.number().positive().optional().describe(
    "The number of epochs or steps during which the factor changes. By default, it changes until " +
      "the end of the run.",
  ),
  unit: z.enum(["steps", "epochs"]).default("epochs").describe(
    "Whether `after` and `over` count epochs or steps.",
  ),
  shape: z.enum(["linear", "cosine"]).default("linear").describe(
    "How the factor changes: along a line, or along half a period of a cosine, which begins and " +
      "ends slowly.",
  ),
};

/** The checked values of {@linkcode rampOptions}. */
export interface Ramp {
  readonly start: number;
  readonly end: number;
  readonly after: number;
  readonly over?: number | undefined;
  readonly unit: "steps" | "epochs";
  readonly shape: "linear" | "cosine";
}

/**
 * Returns a factor that changes during part of the run: with p = (t − after) / over, limited to [0,
 * 1], it is start + (end − start) · p, or start + (end − start) · (1 − cos(π · p)) / 2.
 *
 * @param ramp From which factor to which it changes, and when.
 * @returns The factor at a position.
 */
export function rampFactor(
  { start, end, after, over, unit, shape }: Ramp,
): (position: Position) => number {
  return ({ step, steps, epoch, epochs }) => {
    const [now, length] = unit === "steps" ? [step, steps] : [epoch, epochs];
    const done = over === undefined && after >= length
      ? 0
      : Math.min(Math.max((now - after) / (over ?? length - after), 0), 1);
    const part = shape === "linear" ? done : (1 - Math.cos(Math.PI * done)) / 2;
    return start + (end - start) * part;
  };
}

/**
 * The factor changes from `start` to `end`, along a line or half a period of a cosine, and is
 * constant before and after. As the schedule of a loss, it raises or lowers the loss's weight, as
 * for example the authors of decoupled KD do over the first 20 epochs (Zhao et al., 2022,
 * arXiv:2203.08679).
 */
const stage: ScheduleStage = defineSchedule({
  name: "ramp",
  summary: "Raises or lowers the learning rate or the weight of a loss during part of the run.",
  options: z.object(rampOptions),
  example: "use: ramp\nover: 20",
  create: rampFactor,
});
export default stage;
