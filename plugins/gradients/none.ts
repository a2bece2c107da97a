import { defineGradient, type GradientStage, z } from "../../plugin.ts";

/** No block: the gradient passes to both nets (the ablation in the paper's table 2). */
const stage: GradientStage = defineGradient({
  name: "none",
  summary: "Passes the gradient to both nets.",
  options: z.object({}),
  example: "use: none",
  create: () => [{ from: 1, to: 1, shared: 1 }],
});
export default stage;
