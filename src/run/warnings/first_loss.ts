import * as tf from "@tensorflow/tfjs";
import type { Problem } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import type { Plan } from "../../pipeline/plan.ts";
import { type LabelledRows, type Term, uniformLoss } from "../../train/objective.ts";
import type { TensorsByName } from "../../train/variables.ts";

/** How many times the loss of a uniform guess a first loss may be. */
const MOST = 10;

/** The first step of a run. */
export interface FirstStep {
  /** The loss terms. */
  readonly terms: readonly Term[];
  /** What each came to, before its weight. */
  readonly losses: readonly number[];
  /** The rows. */
  readonly rows: LabelledRows;
  /** The values of the variables, which losses may read. */
  readonly values: TensorsByName;
}

/**
 * Warns of nets that begin far worse than with a uniform guess, that is with logits of 0. Numbers
 * to predict have no such guess.
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
      message: `the first loss of ${term.name} is ${
        loss.toPrecision(3)
      }, and that of a uniform guess ${
        uniform.toPrecision(3)
      }: the nets begin with logits that are far too large`,
      place: term.stage.place,
      hint: plan.initial.length > 0
        ? hint("warning/first-loss-initial", "check what `initial` brings, or leave it out", {
          remove: ["/network/initial"],
        })
        : hint(
          "warning/first-loss",
          "features of large numbers are the usual cause: add `use: normalize` to `transforms` at data",
          {
            set: plan.transforms.length > 0
              ? { "/data/transforms/-": { use: "normalize" } }
              : { "/data/transforms": [{ use: "normalize" }] },
          },
        ),
    }];
  });
}
