import { defineGradient, type GradientStage, z } from "../../plugin.ts";

/**
 * Blocks the gradient to the teacher, and also the student's gradient into shared layers, as in
 * EasyRec's RocketLaunching model, where the input of the light net is a constant. EasyRec does
 * this for all losses of the light net: use this policy for the losses on the label with `on:
 * light` as well.
 */
const stage: GradientStage = defineGradient({
  name: "block-shared",
  summary: "Blocks the gradient to the teacher and to shared layers, as in EasyRec.",
  options: z.object({}),
  example: "use: block-shared",
  create: () => [{ from: 0, to: 1, shared: 0 }],
});
export default stage;
