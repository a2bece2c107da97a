import { defineLoss, type LossStage, tf, z } from "@rocket-launching/rocket/plugin";

const stage: LossStage = defineLoss({
  name: "broken",
  summary: "Gives a row of numbers for each row.",
  form: "task",
  options: z.object({}),
  create: () => (output) => tf.abs(output),
});
export default stage;
