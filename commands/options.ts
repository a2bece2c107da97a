import { UserError } from "../pipeline/errors.ts";
import { hint } from "../pipeline/hints.ts";

/** What `--engine` takes. */
export const engines = ["auto", "native", "wasm"] as const;

/** What `--precision` takes. */
export const precisions = ["float32", "bfloat16"] as const;

/** The options of the command line, checked. */
export interface CommandOptions {
  /** The run folder. */
  readonly out: string | undefined;
  /** Changes of the pipeline, as `PATH=VALUE`. */
  readonly set: readonly string[];
  /** Code outside of the project's folder that may be loaded. */
  readonly allowPlugins: readonly string[];
  /** Where numbers are computed, if that was said. */
  readonly engine: (typeof engines)[number] | undefined;
  /** What training steps compute in, if that was said. */
  readonly precision: (typeof precisions)[number] | undefined;
  /** How many runs of a sweep at once, if that was said. */
  readonly jobs: number | undefined;
  /** The part of a sweep to do, if it is not all. */
  readonly only: string | undefined;
  /** What the settings of a sweep are compared with, if it is not what its file says. */
  readonly reference: string | undefined;
  /** No progress. */
  readonly quiet: boolean;
  /** Events as JSON lines on standard output. */
  readonly json: boolean;
  /** Stack traces. */
  readonly debug: boolean;
}

/**
 * The only argument of a command.
 *
 * @param args The arguments after the command.
 * @param what What it is, for the message.
 * @throws {UserError} If there is none, or more than one.
 */
export function onlyArgument(args: readonly string[], what: string): string {
  const [first, second] = args;
  if (first !== undefined && second === undefined) return first;
  throw new UserError(
    first === undefined ? `expected ${what}` : `expected one ${what}, got ${args.join(" ")}`,
    {
      hint: hint("command/usage", "deno task pipeline --help shows how", {
        args: { add: ["--help"] },
      }),
      exitCode: 2,
    },
  );
}
