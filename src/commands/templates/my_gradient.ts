import {
  defineGradient,
  type GradientStage,
  z,
} from "@rocket-launching/rocket/plugin";

const myGradient: GradientStage = defineGradient({
  name: "my-gradient",
  summary:
    "Blocks the booster's gradient until a fraction of the run has passed.",
  options: z.object({
    after: z.number().min(0).max(1).default(0.5).describe(
      "The fraction of the run during which the gradient is blocked.",
    ),
  }),
  create: ({ after }) => [
    {
      from: ({ step, steps }) => (step < after * steps ? 0 : 1),
      to: 1,
      shared: 1,
    },
  ],
});
export default myGradient;
