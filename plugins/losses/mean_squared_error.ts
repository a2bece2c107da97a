import { defineLoss, type LossStage, tf, z } from "../../plugin.ts";
import { requireLabel, requireUnits } from "./checks.ts";

/**
 * The squared difference between the net's only output z and the label y, (z − y)², one per row.
 */
const stage: LossStage = defineLoss({
  name: "mean-squared-error",
  summary: "The squared difference between the output and the label.",
  form: "task",
  options: z.object({}),
  example: "use: mean-squared-error\non: light",
  create(_options, { label, shapes }) {
    requireLabel("mean-squared-error", label, "number");
    requireUnits("mean-squared-error", shapes[0]!, 1);
    return (output, label) => tf.squaredDifference(tf.reshape(output, [-1]), label);
  },
});
export default stage;
