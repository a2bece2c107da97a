import { defineLoss, type LossStage, z } from "@rocket-launching/rocket/plugin";

const stage: LossStage = defineLoss({
  name: "broken",
  summary: "Fails when it is made.",
  form: "task",
  options: z.object({ factor: z.number().default(1) }),
  create: () => {
    throw new Error("not so");
  },
});
export default stage;
