import { defineLoss, hint, type LossStage, tf, UserError, z } from "../../plugin.ts";
import { shapeText } from "./checks.ts";
import { flattened, normalized } from "./vectors.ts";

/**
 * The distance between the attention maps of both nets (Zagoruyko and Komodakis, 2017,
 * arXiv:1612.03928, equation 2; `at_loss()` in utils.py of Rocket Launching's AT baseline). The
 * attention of a map is the mean over channels of |A|^p, as a vector of length 1. The loss is the
 * mean over positions of the squared difference of both nets' attention, one per row. If `from`
 * and `to` are lists, it is summed over groups. The entry's `weight` is the authors' β, 1000. The
 * paper uses half the sum over positions instead of the mean.
 *
 * Maps must have equal height and width, with any number of channels. The loss works with any
 * label.
 */
const stage: LossStage = defineLoss({
  name: "attention-transfer",
  summary: "The distance between the attention maps of both nets.",
  form: "hint",
  options: z.object({
    power: z.number().min(1).default(2).describe("The exponent p of the absolute activations."),
  }),
  example: `use: attention-transfer
from: [booster.group1, booster.group2, booster.group3]
to: [light.group1, light.group2, light.group3]
weight: 1000`,
  create({ power }, { shapes: [from, to] }) {
    if (
      from!.length !== 3 || to!.length !== 3 || from!.slice(0, 2).join() !== to!.slice(0, 2).join()
    ) {
      throw new UserError(
        "attention-transfer compares maps [batch, height, width, channels] of equal height and " +
          `width; got ${shapeText(from!)} and ${shapeText(to!)}`,
        {
          hint: hint(
            "attention-transfer/maps",
            "choose maps of equal size with `from:` and `to:`, such as wide-resnet's booster.group2 and " +
              "light.group2",
            { set: { from: "booster.group2", to: "light.group2" } },
          ),
        },
      );
    }
    const attention = (maps: tf.Tensor) => {
      const strength = power === 2 ? tf.square(maps) : tf.pow(tf.abs(maps), power);
      return normalized(flattened(tf.mean(strength, -1)));
    };
    return (from, to) => tf.mean(tf.squaredDifference(attention(from), attention(to)), -1);
  },
});
export default stage;
