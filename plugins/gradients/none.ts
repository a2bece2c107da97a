import { defineGradient, type GradientStage, z } from "../../plugin.ts";

/**
 * No block: the gradient passes to both nets, as in the ablation in table 2 of the Rocket Launching
 * paper.
 */
const stage: GradientStage = defineGradient({
  name: "none",
  summary: "Passes the gradient to both nets without changing it.",
  options: z.object({}),
  example: "use: none",
  create: () => [{ from: 1, to: 1, shared: 1 }],
});
export default stage;
