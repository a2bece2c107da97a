/**
 * What is said to people when something that they can mend went wrong.
 *
 * @module
 */

import { printable } from "./printable.ts";
import { tellPrinted } from "./hints.ts";

export { printable } from "./printable.ts";

/** A position in a file that a person wrote. */
export interface Place {
  /** The file, as the person named it, or a phrase such as `--set losses.0.weight=x`. */
  readonly file: string;
  /** The line, from 1; absent where the file has no positions (a TypeScript pipeline). */
  readonly line?: number | undefined;
  /** The column, from 1. */
  readonly column?: number | undefined;
  /** The path within the file's value, such as `losses[2].weight`. */
  readonly path?: string | undefined;
}

/** One thing that is wrong: what, where, and what to do about it. */
export interface Problem {
  /** What is wrong and what was expected, in one sentence without a full stop. */
  readonly message: string;
  /** Where, if there is a place. */
  readonly place?: Place | undefined;
  /** What to do about it. */
  readonly hint?: string | undefined;
  /**
   * The row of a batch that it is about, from 0. Where the message has the words of {@linkcode rowOfBatch}, those who made
   * the batch put the source's row in their place.
   */
  readonly row?: number | undefined;
}

/**
 * The words for a row of a batch in a problem that has it as its `row`.
 *
 * @param row The row, from 0.
 */
export function rowOfBatch(row: number): string {
  return `row ${row} of a batch`;
}

/** What a {@linkcode UserError} may carry beside its message. */
export interface UserErrorOptions extends ErrorOptions {
  /** Where the mistake is. */
  readonly place?: Place | undefined;
  /** What to do about it. */
  readonly hint?: string | undefined;
  /** 2: the command or the pipeline file is wrong; 1 (the default): the run failed. */
  readonly exitCode?: 1 | 2;
  /** The row of a batch that it is about. */
  readonly row?: number | undefined;
}

/**
 * A mistake that the person at the terminal can mend. It is printed without a stack trace.
 *
 * @example
 * ```ts
 * import { UserError } from "@rocket-launching/rocket";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(
 *   () => {
 *     throw new UserError("the file has no rows", { hint: "check how it was made" });
 *   },
 *   UserError,
 *   "no rows",
 * );
 * ```
 */
export class UserError extends Error {
  /** The name that the engine prints. */
  override name = "UserError";
  /** All that is wrong; at least one problem. */
  readonly problems: readonly Problem[];
  /** The exit code that the command line ends with. */
  readonly exitCode: 1 | 2;

  /**
   * Makes an error of one message, or of several problems found together.
   *
   * @param what The message, or the problems.
   * @param options The place and the hint of a single message, the exit code, the cause.
   */
  constructor(what: string | readonly Problem[], options: UserErrorOptions = {}) {
    const problems = typeof what === "string"
      ? [{
        message: what,
        place: options.place,
        hint: options.hint,
        ...(options.row !== undefined && { row: options.row }),
      }]
      : what;
    super(problems.map((problem) => problem.message).join("\n"), { cause: options.cause });
    this.problems = problems;
    this.exitCode = options.exitCode ?? 1;
  }
}

/** The run was asked to end before it was done, and has; it can go on later. */
export class Interruption extends Error {
  /** The name that the engine prints. */
  override name = "Interruption";
  /** The checkpoint that was written for that, if training had begun. */
  readonly checkpoint: string | undefined;

  /**
   * Makes the error.
   *
   * @param message Where the run was.
   * @param checkpoint The checkpoint's file.
   */
  constructor(message: string, checkpoint?: string) {
    super(message);
    this.checkpoint = checkpoint;
  }
}

/**
 * The text of a place: `FILE:LINE:COLUMN`, or the file and the path where there are no positions.
 *
 * @param place The place.
 * @returns The text, as editors and terminals link it.
 */
export function formatPlace(place: Place): string {
  if (place.line !== undefined) return `${place.file}:${place.line}:${place.column ?? 1}`;
  return place.path ? `${place.file} (${place.path})` : place.file;
}

/**
 * The text of a problem as the command line prints it: the message, the place, the hint, a line
 * each.
 *
 * Line breaks, control characters and what shows nothing are escaped in each, as names in files may have them: they do
 * nothing to a terminal, and cannot pass for another line.
 *
 * @param problem The problem.
 * @returns The text, with no line break at its end.
 */
export function formatProblem(problem: Problem): string {
  return problemLines(problem).join("\n");
}

/**
 * The lines of {@linkcode formatProblem}.
 *
 * @param problem The problem.
 */
export function problemLines(problem: Problem): string[] {
  return formatted("error", problem);
}

/**
 * The lines of several problems, with empty ones between them.
 *
 * @param problems The problems.
 */
export function problemsLines(problems: readonly Problem[]): string[] {
  return problems.flatMap((
    problem,
    index,
  ) => [...(index > 0 ? [""] : []), ...problemLines(problem)]);
}

/**
 * The text of a warning as the command line prints it: like {@linkcode formatProblem}, of something that does not
 * end a run.
 *
 * @param problem What is warned of.
 * @returns The text, with no line break at its end.
 */
export function formatWarning(problem: Problem): string {
  return warningLines(problem).join("\n");
}

/**
 * The lines of {@linkcode formatWarning}.
 *
 * @param problem What is warned of.
 */
export function warningLines(problem: Problem): string[] {
  return formatted("warning", problem);
}

function formatted(kind: "error" | "warning", problem: Problem): string[] {
  tellPrinted(problem);
  const lines = [`${kind}: ${problem.message}`];
  if (problem.place) lines.push(` --> ${formatPlace(problem.place)}`);
  if (problem.hint) lines.push(` hint: ${problem.hint}`);
  return lines.map(shortened).map(printable);
}

/** A text whose words are no longer than a path may be in practice: one that is hides the message around it. */
function shortened(text: string): string {
  return text.replace(/\S{500,}/g, (word) => `${word.slice(0, 200)}…${word.slice(-50)}`);
}
