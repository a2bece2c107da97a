import { defineLoss, type LossStage, tf, z } from "../../plugin.ts";
import { requireSameShape } from "./checks.ts";

/**
 * The hint loss that the Rocket Launching paper chooses (section 3.4, "mean square error of
 * logits"): the sum over classes of the squared difference between the logits of both nets, Σ
 * (z_booster − z_light)², one per row. The entry's `weight` is λ in the paper; the code of its
 * authors uses 0.03. Any two outputs of equal shape can be compared, including maps. Two classes,
 * one logit, and numbers need no special treatment.
 */
const stage: LossStage = defineLoss({
  name: "mse-hint",
  summary:
    "The squared difference between both nets' logits, summed over classes, as in the Rocket Launching paper.",
  form: "hint",
  multiLabel: true,
  options: z.object({}),
  example: "use: mse-hint\nfrom: booster.logits\nto: light.logits\nweight: 0.03",
  create(_options, context) {
    requireSameShape("mse-hint", context);
    const axes = context.shapes[0]!.map((_, index) => index + 1);
    return (from, to) => tf.sum(tf.squaredDifference(from, to), axes);
  },
});
export default stage;
