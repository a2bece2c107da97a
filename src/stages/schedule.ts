import type { Position } from "./gradient.ts";
import {
  type Create,
  defineStage,
  type OptionsSchema,
  type Stage,
  type StageDefinition,
} from "./stage.ts";

/**
 * Computes the factor that multiplies the learning rate, or the weight of a loss, at a position in a
 * phase, or in a run without phases.
 *
 * @param position The position before the step, with the metrics that were measured before it.
 * @returns The factor; 1 leaves the learning rate or the weight unchanged.
 */
export type Schedule = (position: Position) => number;

/** A stage that changes the learning rate or the weight of a loss during the run. */
export type ScheduleStage = Stage<"schedule", Record<never, never>, Schedule>;

/** The definition of a schedule, for {@linkcode defineSchedule}. */
export type ScheduleDefinition<Schema extends OptionsSchema> = StageDefinition<Schema> & {
  /** Creates the schedule. */
  readonly create: Create<Schema, Record<never, never>, Schedule>;
};

/**
 * Defines a schedule: a pure function of the position that returns a factor for the learning rate or
 * for the weight of a loss.
 *
 * @param definition The schedule's name, summary, options and `create` function.
 * @returns The stage.
 *
 * @example
 * ```ts
 * import { defineSchedule, type ScheduleStage, z } from "@rocket-launching/rocket/plugin";
 *
 * const linear: ScheduleStage = defineSchedule({
 *   name: "linear",
 *   summary: "Decreases the learning rate linearly to a fraction of its initial value.",
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
