import { defineLoss, type LossStage, tf, z } from "@rocket-launching/rocket/plugin";

export const fin: LossStage = defineLoss({
  name: "broken",
  summary: "Is a stage under a name.",
  form: "task",
  options: z.object({}),
  create: () => (output) => tf.sum(output, -1),
});
