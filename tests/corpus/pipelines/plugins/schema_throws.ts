import { defineLoss, type LossStage, z } from "@rocket-launching/rocket/plugin";

const stage: LossStage = defineLoss({
  name: "broken",
  summary: "Has a schema that fails.",
  form: "task",
  options: z.object({
    factor: z.number().refine(() => {
      throw new Error("no schema");
    }),
  }),
  create: () => () => {
    throw new Error("never");
  },
});
export default stage;
