import * as tf from "@tensorflow/tfjs";
import type { Problem } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import type { Plan } from "../../pipeline/plan.ts";
import { type LabelledRows, type Term, uniformLoss } from "../../train/objective.ts";
import type { TensorsByName } from "../../train/variables.ts";

/** The largest acceptable ratio of the first loss to the loss of a uniform guess. */
const MOST = 10;

/**
 * The losses of the first step of a run, and what is needed to compute the losses of a uniform
 * guess for the same rows.
 */
export interface FirstStep {
  /** The loss terms. */
  readonly terms: readonly Term[];
  /** The value of each loss term, before its weight is applied. */
  readonly losses: readonly number[];
  /** The rows of the step. */
  readonly rows: LabelledRows;
  /** The values of all variables, because losses may read them. */
  readonly values: TensorsByName;
}

/**
 * Warns about nets whose first loss is far larger than the loss of a uniform guess (all logits 0).
 * Labels that are numbers are skipped, because they have no uniform guess.
 *
 * @param plan The plan.
 * @param step The first step.
 */
export function largeFirstLoss(plan: Plan, { terms, losses, rows, values }: FirstStep): Problem[] {
  return terms.flatMap((term, index): Problem[] => {
    if (term.form !== "task" || !term.guess) return [];
    const loss = losses[index]!;
    const uniform = tf.tidy(() =>
      uniformLoss(term, rows, ({ name }) => values[name]!).dataSync()[0]!
    );
    if (!(loss > MOST * uniform)) return [];
    return [{
      message: `the loss ${term.name} is ${
        loss.toPrecision(3)
      } in the first step, but a uniform guess has the loss ${
        uniform.toPrecision(3)
      }: the initial logits of the nets are far too large`,
      place: term.stage.place,
      hint: plan.initial.length > 0
        ? hint(
          "warning/first-loss-initial",
          "check the initial weights that `initial` names, or remove `initial`",
          {
            remove: ["/network/initial"],
          },
        )
        : hint(
          "warning/first-loss",
          "features with large values are the usual cause: add `use: normalize` to `transforms` in data",
          {
            set: plan.transforms.length > 0
              ? { "/data/transforms/-": { use: "normalize" } }
              : { "/data/transforms": [{ use: "normalize" }] },
          },
        ),
    }];
  });
}
