import { type Place, UserError } from "../base/errors.ts";
import { inOneLine, thrown } from "../base/printable.ts";
import { hint } from "../base/hints.ts";
import type { StageKind } from "./stage.ts";

/** Which stage of a pipeline is meant, for messages. */
export interface StageReference {
  /** Its kind. */
  readonly kind: StageKind;
  /** What the pipeline file wrote after `use:`. */
  readonly name: string;
  /** Where the pipeline file names it. */
  readonly place?: Place | undefined;
  /** Values of its entry that are not from there but from `--set`, and the place of each. */
  readonly set?: readonly { readonly text: string; readonly place: Place }[];
}

/** Where a message of a stage is to point: at the value of `--set` that it speaks of, or at the stage. */
function placeOf({ place, set = [] }: StageReference, message: string): Place | undefined {
  return set.find(({ text }) => message.includes(text))?.place ?? place;
}

/** A stage did not do what its kind promises: it threw, or returned something else. */
export class StageError extends UserError {
  override name = "StageError";
  /** The stage. */
  readonly stage: StageReference;

  /**
   * Makes the error.
   *
   * @param stage The stage.
   * @param message What it did, after "the loss stage mse-hint".
   * @param options The cause, a hint, the exit code.
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
 * Calls into a stage, and says whose fault it is when that throws.
 *
 * @param stage The stage.
 * @param doing What it was asked for, such as `apply()`.
 * @param call The call.
 * @returns What the stage returned.
 * @throws {StageError} If the call throws anything but a {@linkcode UserError}.
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

/** The stage that is being called right now, if any. */
export function calledStage(): StageReference | undefined {
  return called;
}

function stageFault(stage: StageReference, doing: string, what: unknown): UserError {
  const error = thrown(what);
  if (error instanceof StageError) return error;
  if (error instanceof UserError) {
    // A stage refuses its input with a UserError and does not know its own place in the file.
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
    hint: hint("stage/debug", "run again with --debug to see where in the stage", {
      args: { add: ["--debug"] },
      tells: true,
    }),
  });
}
