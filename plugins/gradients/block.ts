import { defineGradient, type GradientStage, z } from "../../plugin.ts";

/**
 * The gradient block of the Rocket Launching paper (section 3.3): the hint loss treats the
 * teacher's output as a constant, so it does not change the booster's own parameters. Shared
 * parameters still learn from it through the light net.
 */
const stage: GradientStage = defineGradient({
  name: "block",
  summary: "Blocks the gradient to the teacher, as in the Rocket Launching paper.",
  options: z.object({}),
  example: "use: block",
  create: () => [{ from: 0, to: 1, shared: 1 }],
});
export default stage;
