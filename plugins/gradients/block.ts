import { defineGradient, type GradientStage, z } from "../../plugin.ts";

/**
 * The paper's gradient block (Rocket Launching, section 3.3): the teacher's output is a constant
 * in the hint, so the hint does not change the booster's own parameters. Shared parameters still
 * learn from the hint through the light net.
 */
const stage: GradientStage = defineGradient({
  name: "block",
  summary: "Blocks the gradient to the teacher: the paper's gradient block.",
  options: z.object({}),
  example: "use: block",
  create: () => [{ from: 0, to: 1, shared: 1 }],
});
export default stage;
