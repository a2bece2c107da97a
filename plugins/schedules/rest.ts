import type { Position } from "../../plugin.ts";

/** The length of the first part of a run. */
export interface FirstPart {
  /** Its length in `unit`. */
  readonly length: number;
  readonly unit: "epochs" | "steps";
}

/**
 * Returns the length of the first part of a run in steps, which may be a fraction.
 *
 * @param part The length of the part.
 * @param position Any position of the run.
 */
export function stepsOf({ length, unit }: FirstPart, { steps, epochs }: Position): number {
  return unit === "steps" ? length : length * (steps / epochs);
}

/**
 * Converts a position in a run to a position in the rest of the run, which is what follows the
 * first part. The rest has its own schedule, so its steps are counted from 0, and its length is
 * that of the run minus the first part.
 *
 * @param position The position in the run.
 * @param first The number of steps of the first part.
 */
export function positionInRest(position: Position, first: number): Position {
  const perEpoch = position.steps / position.epochs;
  const step = position.step - first, steps = position.steps - first;
  // Divide whole steps: a difference of fractions may round to just below a whole epoch.
  return { ...position, step, steps, epoch: step / perEpoch, epochs: steps / perEpoch };
}

/**
 * Returns a length that fits into a run, for a hint: a twentieth of its steps.
 *
 * @param position Any position of the run.
 */
export function fittingSteps({ steps }: Position): number {
  return Math.max(Math.ceil(steps / 20), 1);
}
