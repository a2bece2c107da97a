import { defineTransform, type TransformStage, z } from "@rocket-launching/rocket/plugin";

const stage: TransformStage = defineTransform({
  name: "drops-rows",
  summary: "Gives back fewer rows than it got.",
  options: z.object({}),
  create: () => ({
    apply: (batch) => ({ ...batch, size: batch.size - 1 }),
  }),
});
export default stage;
