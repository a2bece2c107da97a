import { defineLoss, type LossStage, z } from "@rocket-launching/rocket/plugin";

const stage: LossStage = defineLoss({
  name: "broken",
  summary: "Gives a number and no tensor.",
  form: "task",
  options: z.object({}),
  create: () => () => 3 as never,
});
export default stage;
