import { defineLoss, type LossStage, ops, tf, z } from "../../plugin.ts";
import { requireLabel, requireUnits } from "./checks.ts";

/** Cross-entropy of the sigmoid of one logit with a label of 0 or 1, one per row. */
const stage: LossStage = defineLoss({
  name: "binary-cross-entropy",
  summary: "Cross-entropy of a single logit's sigmoid with a label of 0 or 1.",
  form: "task",
  options: z.object({}),
  example: "use: binary-cross-entropy\non: light",
  create(_options, { label, shapes }) {
    requireLabel("binary-cross-entropy", label, "binary");
    requireUnits("binary-cross-entropy", shapes[0]!, 1);
    return (logits, label) =>
      ops.sigmoidCrossEntropy(tf.reshape(logits, [-1]) as tf.Tensor1D, label as tf.Tensor1D);
  },
});
export default stage;
