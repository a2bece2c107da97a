import {
  type Create,
  defineStage,
  type OptionsSchema,
  type Stage,
  type StageDefinition,
} from "./stage.ts";
import type { RunEvents } from "./events.ts";

/** What an output knows when it is created, such as the path of the run folder. */
export interface OutputContext {
  /** The path of the run folder, which exists. */
  readonly folder: string;
  /** Whether the user asked for no progress output (`--quiet`). */
  readonly quiet: boolean;
}

/**
 * An object that receives the events of a run. It has a method (a hook) for each kind of event that
 * it handles, with the name of the event.
 */
export type Output = {
  readonly [Name in keyof RunEvents]?: (event: RunEvents[Name]) => void | Promise<void>;
};

/** A stage that listens to the events of a run. */
export type OutputStage = Stage<"output", OutputContext, Output>;

/** The definition of an output, for {@linkcode defineOutput}. */
export type OutputDefinition<Schema extends OptionsSchema> = StageDefinition<Schema> & {
  /** Creates the listener. */
  readonly create: Create<Schema, OutputContext, Output>;
};

/**
 * Defines an output. It receives the run's events and can request checkpoints, but it cannot change
 * training.
 *
 * @param definition The output's name, summary, options and `create` function.
 * @returns The stage.
 *
 * @example
 * ```ts
 * import { defineOutput, type OutputStage, z } from "@rocket-launching/rocket/plugin";
 *
 * const bell: OutputStage = defineOutput({
 *   name: "bell",
 *   summary: "Rings the terminal bell when the run ends.",
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
