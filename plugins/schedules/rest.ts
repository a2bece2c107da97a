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
 * Returns a position in the rest of a run, for the schedule that follows its first part. The rest
 * starts at step 0 and is shorter by the first part.
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
