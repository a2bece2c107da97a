import { defineLoss, type LossStage, tf, z } from "@rocket-launching/rocket/plugin";

const stage: LossStage = defineLoss({
  name: "broken",
  summary: "Gives what is no number.",
  form: "task",
  options: z.object({}),
  create: () => (output) => tf.mul(tf.sum(output, -1), NaN),
});
export default stage;
