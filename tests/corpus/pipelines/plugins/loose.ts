import { defineLoss, type LossStage, tf, z } from "@rocket-launching/rocket/plugin";

const stage: LossStage = defineLoss({
  name: "loose",
  summary: "Has an option that lets other keys pass.",
  form: "task",
  options: z.object({ size: z.object({ depth: z.number() }) }),
  create: () => (output) => tf.sum(output, -1),
});
export default stage;
