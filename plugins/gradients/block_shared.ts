import { defineGradient, type GradientStage, z } from "../../plugin.ts";

/**
 * The teacher is blocked, and the student does not move shared layers either, as in EasyRec's RocketLaunching model, where the light
 * net's input is a constant. EasyRec does so for all of the light net's losses: use it on the losses with the label `on: light`, too.
 */
const stage: GradientStage = defineGradient({
  name: "block-shared",
  summary: "Blocks the gradient to the teacher and to shared layers: EasyRec's variant.",
  options: z.object({}),
  example: "use: block-shared",
  create: () => [{ from: 0, to: 1, shared: 0 }],
});
export default stage;
