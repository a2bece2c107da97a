import { defineGradient, type GradientStage, z } from "../../plugin.ts";

/**
 * Both nets learn from each other, each with the other's output as a constant (deep mutual
 * learning, Zhang et al., 2018, arXiv:1706.00384). The loss is computed in both directions.
 */
const stage: GradientStage = defineGradient({
  name: "mutual",
  summary: "Each net learns from the other, which is treated as a constant: deep mutual learning.",
  options: z.object({}),
  example: "use: mutual",
  create: () => [
    { from: 0, to: 1, shared: 1 },
    { from: 0, to: 1, shared: 1, reversed: true },
  ],
});
export default stage;
