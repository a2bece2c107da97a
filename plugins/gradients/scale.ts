import { defineGradient, type GradientStage, z } from "../../plugin.ts";

const factor = (what: string) => z.number().min(0).default(1).describe(what);

/** Multiplies the gradients to the teacher, to the student, and to shared layers by fixed factors. */
const stage: GradientStage = defineGradient({
  name: "scale",
  summary:
    "Multiplies the gradients to the teacher, to the student, and to shared layers by fixed factors.",
  options: z.object({
    from: factor("The factor that multiplies the gradient to the teacher."),
    to: factor("The factor that multiplies the gradient to the student."),
    shared: factor("The factor that multiplies the gradient into shared layers."),
  }),
  example: "use: scale\nfrom: 0.1\nto: 1\nshared: 1",
  create: ({ from, to, shared }) => [{ from, to, shared }],
});
export default stage;
