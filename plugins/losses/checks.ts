/**
 * Checks that the label and the outputs suit a loss. Used by several losses.
 *
 * @module
 */

import { hint, type HintText, type LabelSpec, type LossContext, UserError } from "../../plugin.ts";
import { classesOf } from "./class_logits.ts";

/**
 * Throws an error if the kind of the label does not suit a loss.
 *
 * @param loss The loss's name.
 * @param label The label.
 * @param kind The required kind.
 * @throws {UserError} If the kinds differ.
 */
export function requireLabel(loss: string, label: LabelSpec, kind: LabelSpec["kind"]): void {
  if (label.kind === kind) return;
  const suited = {
    class: "cross-entropy",
    binary: "binary-cross-entropy",
    number: "mean-squared-error",
    "multi-label": "binary-cross-entropy",
    several: loss,
  };
  throw new UserError(
    `the loss ${loss} needs a label of kind ${kind}; this label has the kind ${label.kind}`,
    {
      hint: hint(
        "losses/label",
        `use ${suited[label.kind]}, or write data.label: { column: …, kind: ${kind} }`,
        [{ set: { use: suited[label.kind] } }, { set: { "/data/label/kind": kind } }],
      ),
    },
  );
}

/** The logits of both nets, which always have the same shape. */
const logits = { set: { from: "booster.logits", to: "light.logits" } };

/**
 * Throws an error if the shape of an output is not `[batch, units]`.
 *
 * @param loss The loss's name.
 * @param shape The output's shape, without the batch.
 * @param units The required number of units, if it is fixed.
 * @throws {UserError} If the shape differs.
 */
export function requireUnits(loss: string, shape: readonly number[], units?: number): void {
  if (shape.length === 1 && (units === undefined || shape[0] === units)) return;
  throw new UserError(
    `the loss ${loss} compares outputs of shape [batch, ${units ?? "units"}]; got ${
      shapeText(shape)
    }`,
    {
      hint: units === undefined
        ? hint(
          "losses/logits",
          "compare logits: `from: booster.logits` and `to: light.logits`",
          logits,
        )
        : hint("losses/logits-on", "compare logits: `on: light.logits` or `on: booster.logits`", [
          { set: { on: "light.logits" } },
          { set: { on: "booster.logits" } },
        ]),
    },
  );
}

/**
 * Throws an error if the label is a number. The nets' outputs are then predicted numbers, for which
 * there are no probabilities.
 *
 * @param loss The loss's name.
 * @param context The label and the shapes of the outputs.
 * @throws {UserError} If the label is a number.
 */
export function requireProbabilities(loss: string, { label }: LossContext): void {
  if (label.kind !== "number") return;
  throw new UserError(
    `the loss ${loss} compares probabilities, but nets that predict a number have none`,
    {
      hint: hint("losses/numbers", "use mse-hint, which compares the numbers themselves", {
        set: { use: "mse-hint" },
      }),
    },
  );
}

/**
 * Throws an error if the two outputs that a loss compares have different shapes.
 *
 * @param loss The loss's name.
 * @param context The label and the shapes of the outputs.
 * @throws {UserError} If they differ.
 */
export function requireSameShape(loss: string, { shapes: [from, to] }: LossContext): void {
  if (from!.join() === to!.join()) return;
  const channels = from!.length === to!.length &&
    from!.slice(0, -1).join() === to!.slice(0, -1).join();
  throw new UserError(
    `the loss ${loss} compares outputs of equal shape; got ${shapeText(from!)} and ${
      shapeText(to!)
    }`,
    {
      hint: channels
        ? hint(
          "losses/alike-or-fitnet",
          "choose outputs of equal shape with `from:` and `to:`, such as booster.logits and light.logits, " +
            "or use fitnet, which learns a regressor between them",
          [logits, { set: { use: "fitnet" } }],
        )
        : hint(
          "losses/alike",
          "choose outputs of equal shape with `from:` and `to:`, such as booster.logits and light.logits",
          logits,
        ),
    },
  );
}

/**
 * Throws an error if the label has too few classes for a loss.
 *
 * @param loss The loss's name.
 * @param context The label and the shapes of the outputs, which are logits.
 * @param least The minimum number of classes; one logit counts as two classes.
 * @param why The hint: the reason, and what to do.
 * @throws {UserError} If there are fewer.
 */
export function requireClasses(
  loss: string,
  { shapes }: LossContext,
  least: number,
  why: HintText,
): void {
  const classes = classesOf(shapes[0]!);
  if (classes >= least) return;
  const got = shapes[0]![0] === 1 ? "one logit, which represents two classes" : `${classes}`;
  throw new UserError(`the loss ${loss} needs at least ${least} classes; got ${got}`, {
    hint: why,
  });
}

/**
 * Formats the shape of an output, such as `[batch, 10]`.
 *
 * @param shape The shape, without the batch.
 */
export function shapeText(shape: readonly number[]): string {
  return `[${["batch", ...shape].join(", ")}]`;
}
