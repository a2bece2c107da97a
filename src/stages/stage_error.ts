import { type Place, UserError } from "../base/errors.ts";
import { inOneLine, thrown } from "../base/printable.ts";
import { hint } from "../base/hints.ts";
import type { StageKind } from "./stage.ts";

/** A reference to a stage of a pipeline, for messages. */
export interface StageReference {
  /** The stage's kind. */
  readonly kind: StageKind;
  /** The stage's name, as the pipeline file writes it after `use:`. */
  readonly name: string;
  /** The place in the pipeline file that names the stage. */
  readonly place?: Place | undefined;
  /** The values of its entry that `--set` changed, with their places on the command line. */
  readonly set?: readonly { readonly text: string; readonly place: Place }[];
}

/**
 * The place for a stage's message: the value of `--set` that the message mentions, or the stage.
 */
function placeOf({ place, set = [] }: StageReference, message: string): Place | undefined {
  return set.find(({ text }) => message.includes(text))?.place ?? place;
}

/**
 * Thrown if a stage violates the contract of its kind: it threw an error or returned an unexpected
 * value.
 */
export class StageError extends UserError {
  override name = "StageError";
  /** The stage. */
  readonly stage: StageReference;

  /**
   * Makes the error.
   *
   * @param stage The stage.
   * @param message What the stage did, worded to follow `the loss stage "mse-hint"`.
   * @param options The cause, a hint, the exit code (1 by default), and the row that caused it.
   */
  constructor(
    stage: StageReference,
    message: string,
    options: {
      cause?: unknown;
      hint?: string | undefined;
      exitCode?: 1 | 2;
      row?: number | undefined;
    } = {},
  ) {
    super(`the ${stage.kind} stage ${JSON.stringify(stage.name)} ${message}`, {
      place: stage.place,
      hint: options.hint,
      cause: options.cause,
      exitCode: options.exitCode ?? 1,
      row: options.row,
    });
    this.stage = stage;
  }
}

/**
 * Calls a function of a stage and attributes its errors to the stage.
 *
 * @param stage The stage.
 * @param doing The name of the function for messages, such as `apply()`.
 * @param call Calls the function.
 * @returns The value that the stage returned.
 * @throws {StageError} If the call throws anything other than a {@linkcode UserError}.
 */
export function callStage<T>(stage: StageReference, doing: string, call: () => T): T {
  const caller = called;
  called = stage;
  const fail = (error: unknown): never => {
    throw stageFault(stage, doing, error);
  };
  try {
    const result = call();
    return result instanceof Promise ? result.catch(fail) as T : result;
  } catch (error) {
    return fail(error);
  } finally {
    called = caller;
  }
}

let called: StageReference | undefined;

/**
 * The stage whose function is being called right now; undefined if no function of a stage is
 * running.
 */
export function calledStage(): StageReference | undefined {
  return called;
}

function stageFault(stage: StageReference, doing: string, what: unknown): UserError {
  const error = thrown(what);
  if (error instanceof StageError) return error;
  if (error instanceof UserError) {
    // A stage rejects its input with a UserError and does not know its own place in the file.
    if (error.problems.every((problem) => problem.place)) return error;
    return new UserError(
      error.problems.map((problem) => ({
        ...problem,
        place: problem.place ?? placeOf(stage, problem.message),
      })),
      { exitCode: error.exitCode, cause: error },
    );
  }
  const text = inOneLine(
    error instanceof Error ? `${error.name}: ${error.message}` : String(error),
  );
  return new StageError(stage, `failed in ${doing}: ${text}`, {
    cause: error,
    hint: hint("stage/debug", "run again with --debug to see the stack trace", {
      args: { add: ["--debug"] },
      tells: true,
    }),
  });
}
