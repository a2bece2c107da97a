import {
  type Create,
  defineStage,
  type OptionsSchema,
  type Stage,
  type StageDefinition,
} from "./stage.ts";

/** Where a run is. */
export interface Position {
  /** The step about to run, from 0. */
  readonly step: number;
  /** The steps of the whole run. */
  readonly steps: number;
  /** The epoch as a fraction: 1.5 is half way through the second. */
  readonly epoch: number;
  /** The epochs of the whole run. */
  readonly epochs: number;
}

/**
 * How much of a gradient passes: 0 blocks it, 1 lets it pass. A function is asked in each step, so
 * it may change over the run.
 */
export type Factor = number | ((position: Position) => number);

/** One comparison of the two outputs, with what passes to each side. */
export interface GradientPass {
  /** What passes to the teacher's output. */
  readonly from: Factor;
  /** What passes to the student's output, or to the only output of a loss with the label. */
  readonly to: Factor;
  /** What passes on into variables that both nets share. */
  readonly shared: Factor;
  /** Whether teacher and student change places: the loss is computed the other way round. */
  readonly reversed?: boolean;
}

/** A gradient policy: the passes whose losses are added. */
export type GradientPolicy = readonly GradientPass[];

/** A stage that decides how much of a loss's gradient passes to whom. */
export type GradientStage = Stage<"gradient", Record<never, never>, GradientPolicy>;

/** What the author of a gradient policy writes. */
export type GradientDefinition<Schema extends OptionsSchema> = StageDefinition<Schema> & {
  /** Makes the policy. */
  readonly create: Create<Schema, Record<never, never>, GradientPolicy>;
};

/**
 * Defines a gradient policy: how much of a loss's gradient passes to each side.
 *
 * @param definition Its name, options and how it is made.
 * @returns The stage.
 *
 * @example The booster is free for the first half of the run, then it moves towards the light net.
 * ```ts
 * import { defineGradient, type GradientStage, z } from "@rocket-launching/rocket";
 *
 * const late: GradientStage = defineGradient({
 *   name: "late",
 *   summary: "Blocks the booster until a part of the run has passed.",
 *   options: z.object({ after: z.number().min(0).max(1).default(0.5) }),
 *   create: ({ after }) => [
 *     { from: ({ step, steps }) => (step < after * steps ? 0 : 1), to: 1, shared: 1 },
 *   ],
 * });
 * ```
 */
export function defineGradient<Schema extends OptionsSchema>(
  definition: GradientDefinition<Schema>,
): GradientStage {
  return defineStage("gradient", definition);
}
