import type { Position } from "./gradient.ts";
import {
  type Create,
  defineStage,
  type OptionsSchema,
  type Stage,
  type StageDefinition,
} from "./stage.ts";

/**
 * The factor on the learning rate at a position of the run.
 *
 * @param position Where the run is.
 */
export type Schedule = (position: Position) => number;

/** A stage that changes the learning rate over the run. */
export type ScheduleStage = Stage<"schedule", Record<never, never>, Schedule>;

/** What the author of a schedule writes. */
export type ScheduleDefinition<Schema extends OptionsSchema> = StageDefinition<Schema> & {
  /** Makes the schedule. */
  readonly create: Create<Schema, Record<never, never>, Schedule>;
};

/**
 * Defines a schedule: a factor on the learning rate, as a pure function of the position.
 *
 * @param definition Its name, options and how it is made.
 * @returns The stage.
 *
 * @example
 * ```ts
 * import { defineSchedule, type ScheduleStage, z } from "@rocket-launching/rocket";
 *
 * const linear: ScheduleStage = defineSchedule({
 *   name: "linear",
 *   summary: "Falls from the rate to a part of it, in a straight line.",
 *   options: z.object({ to: z.number().min(0).default(0) }),
 *   create: ({ to }) => ({ step, steps }) => 1 + (to - 1) * step / steps,
 * });
 * ```
 */
export function defineSchedule<Schema extends OptionsSchema>(
  definition: ScheduleDefinition<Schema>,
): ScheduleStage {
  return defineStage("schedule", definition);
}
