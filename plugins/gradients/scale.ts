import { defineGradient, type GradientStage, z } from "../../plugin.ts";

const factor = (what: string) => z.number().min(0).default(1).describe(what);

/** Passes a fraction of the gradient to each net. */
const stage: GradientStage = defineGradient({
  name: "scale",
  summary: "Passes a fraction of the gradient to each net.",
  options: z.object({
    from: factor("The factor that multiplies the gradient to the teacher."),
    to: factor("The factor that multiplies the gradient to the student."),
    shared: factor("The factor that multiplies the gradient into shared layers."),
  }),
  example: "use: scale\nfrom: 0.1\nto: 1\nshared: 1",
  create: ({ from, to, shared }) => [{ from, to, shared }],
});
export default stage;
