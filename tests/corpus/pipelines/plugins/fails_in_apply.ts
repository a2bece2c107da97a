import { defineLoss, type LossStage, z } from "@rocket-launching/rocket/plugin";

const stage: LossStage = defineLoss({
  name: "broken",
  summary: "Fails when it is computed.",
  form: "task",
  options: z.object({}),
  create: () => () => {
    throw new Error("never");
  },
});
export default stage;
