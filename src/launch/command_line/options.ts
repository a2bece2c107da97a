import { UserError } from "../../base/errors.ts";
import { hint, nameHint } from "../../base/hints.ts";
import type { Arguments } from "./arguments.ts";

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
  /** Environment variables that may be part of an address, which a server is told. */
  readonly allowEnv: readonly string[];
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
    first === undefined
      ? `expected ${what}`
      : `expected ${what} and nothing else, got ${args.join(" ")}`,
    {
      hint: hint("command/usage", "deno task pipeline --help shows how", {
        args: { add: ["--help"] },
      }),
      exitCode: 2,
    },
  );
}

/**
 * Checks the options of a command line.
 *
 * @param parsed The command line.
 * @throws {UserError} If one is wrong; exit code 2.
 */
export function readOptions(parsed: Arguments): CommandOptions {
  if (parsed.empty !== undefined) {
    throw new UserError(`--${parsed.empty} takes a value, and there is none`, {
      hint: hint("command/value", `write it behind the option, or leave --${parsed.empty} out`, {
        args: { remove: [`--${parsed.empty}`] },
      }),
      exitCode: 2,
    });
  }
  return {
    out: parsed.out,
    set: [
      ...parsed.set,
      ...setNumber("seed", parsed.seed, "seed", 0),
      ...setNumber("epochs", parsed.epochs, "train.epochs", 1),
    ],
    allowPlugins: parsed.allowPlugins,
    allowEnv: parsed.allowEnv,
    engine: oneOf("engine", parsed.engine, engines),
    precision: oneOf("precision", parsed.precision, precisions),
    jobs: parsed.jobs === undefined ? undefined : wholeNumber("jobs", parsed.jobs, 1),
    only: parsed.only,
    reference: parsed.reference,
    quiet: parsed.quiet,
    json: parsed.json,
    debug: parsed.debug,
  };
}

function setNumber(
  option: string,
  text: string | undefined,
  path: string,
  least: number,
): string[] {
  return text === undefined ? [] : [`${path}=${wholeNumber(option, text, least)}`];
}

function wholeNumber(option: string, text: string, least: number): number {
  if (/^\d+$/.test(text) && Number(text) >= least) return Number(text);
  throw new UserError(
    `--${option} takes a whole number from ${least}; got ${JSON.stringify(text)}`,
    { exitCode: 2 },
  );
}

function oneOf<T extends string>(
  option: string,
  value: string | undefined,
  values: readonly T[],
): T | undefined {
  if (value === undefined) return undefined;
  const found = values.find((one) => one === value);
  if (found) return found;
  throw new UserError(`--${option} takes ${values.join(", ")}; got ${JSON.stringify(value)}`, {
    hint: nameHint("command/choice", {
      written: value,
      names: values,
      change: (near) => ({
        args: { replace: { [value]: near, [`--${option}=${value}`]: `--${option}=${near}` } },
      }),
    }),
    exitCode: 2,
  });
}
