import {
  type Create,
  defineStage,
  type OptionsSchema,
  type Stage,
  type StageDefinition,
} from "./stage.ts";
import type { RunEvents } from "./events.ts";

/** What an output knows when it is made. */
export interface OutputContext {
  /** The run folder; it exists. */
  readonly folder: string;
  /** Whether the person asked for silence. */
  readonly quiet: boolean;
}

/** A listener to a run: any of the events, each with a hook of its name. */
export type Output = {
  readonly [Name in keyof RunEvents]?: (event: RunEvents[Name]) => void | Promise<void>;
};

/** A stage that listens to a run. */
export type OutputStage = Stage<"output", OutputContext, Output>;

/** What the author of an output writes. */
export type OutputDefinition<Schema extends OptionsSchema> = StageDefinition<Schema> & {
  /** Makes the listener. */
  readonly create: Create<Schema, OutputContext, Output>;
};

/**
 * Defines an output: it listens to the run's events and never reaches back.
 *
 * @param definition Its name, options and how it is made.
 * @returns The stage.
 *
 * @example
 * ```ts
 * import { defineOutput, type OutputStage, z } from "@rocket-launching/rocket";
 *
 * const bell: OutputStage = defineOutput({
 *   name: "bell",
 *   summary: "Rings when the run ends.",
 *   options: z.object({}),
 *   create: () => ({ runEnd: () => console.error("\x07done") }),
 * });
 * ```
 */
export function defineOutput<Schema extends OptionsSchema>(
  definition: OutputDefinition<Schema>,
): OutputStage {
  return defineStage("output", definition);
}
