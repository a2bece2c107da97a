/**
 * Errors that users can fix, and how they are printed.
 *
 * @module
 */

import { printable } from "./printable.ts";
import { notifyPrinted } from "./hints.ts";

export { printable } from "./printable.ts";

/**
 * The place that an error message refers to: a file or command-line option that a user wrote, and
 * the position in it.
 */
export interface Place {
  /** The file, as the user named it, or a phrase such as `--set losses.0.weight=x`. */
  readonly file: string;
  /**
   * The line, from 1; absent if the line of a value is unknown, as in a pipeline written in
   * TypeScript.
   */
  readonly line?: number | undefined;
  /** The column, from 1. */
  readonly column?: number | undefined;
  /** The path of the value in the pipeline, such as `losses[2].weight`. */
  readonly path?: string | undefined;
}

/** One problem: what is wrong, where it is, and how to fix it. */
export interface Problem {
  /** States what is wrong and what was expected, in one sentence without a period. */
  readonly message: string;
  /** The place of the problem, if it has one. */
  readonly place?: Place | undefined;
  /** What to do about it. */
  readonly hint?: string | undefined;
  /**
   * The row of a batch that the problem is about, from 0. If the message contains the text of
   * {@linkcode rowOfBatch}, the code that made the batch replaces this text by the location of the
   * row in the source.
   */
  readonly row?: number | undefined;
}

/**
 * Formats the number of a row in a batch, for messages. In a {@linkcode Problem} with the property
 * `row`, this text is later replaced by the location of the row in the source.
 *
 * @param row The row, from 0.
 */
export function rowOfBatch(row: number): string {
  return `row ${row} of a batch`;
}

/** The options of a {@linkcode UserError}, such as the hint, the place, and the exit code. */
export interface UserErrorOptions extends ErrorOptions {
  /** The place of the mistake. */
  readonly place?: Place | undefined;
  /** What to do about it. */
  readonly hint?: string | undefined;
  /**
   * 2: the command or the pipeline file is wrong; 1 (the default): the run failed; 75: another
   * process of the cluster is gone.
   */
  readonly exitCode?: 1 | 2 | 75;
  /** The row of a batch that the error is about, from 0. */
  readonly row?: number | undefined;
}

/**
 * An error that the user can fix. It is printed without a stack trace.
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
  /** The name of the error. */
  override name = "UserError";
  /** All problems; at least one. */
  readonly problems: readonly Problem[];
  /** The exit code of the command. */
  readonly exitCode: 1 | 2 | 75;

  /**
   * Makes an error from one message, or from several problems found together.
   *
   * @param what The message, or the problems.
   * @param options The place, hint and row of a single message; the exit code; the cause.
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

/** Thrown when a run is interrupted before it is complete. The run can be resumed. */
export class Interruption extends Error {
  /** The name of the error. */
  override name = "Interruption";
  /** The checkpoint that was written for the interruption, if training had started. */
  readonly checkpoint: string | undefined;

  /**
   * Makes the error.
   *
   * @param message The position at which the run ended.
   * @param checkpoint The path of the checkpoint.
   */
  constructor(message: string, checkpoint?: string) {
    super(message);
    this.checkpoint = checkpoint;
  }
}

/**
 * Formats a place in a file: `FILE:LINE:COLUMN`, or `FILE (PATH)` with the path of the value, such
 * as `losses[0].weight`, if the line is unknown.
 *
 * @param place The place.
 * @returns The text, in the form that editors and terminals turn into links.
 */
export function formatPlace(place: Place): string {
  if (place.line !== undefined) return `${place.file}:${place.line}:${place.column ?? 1}`;
  return place.path ? `${place.file} (${place.path})` : place.file;
}

/**
 * Formats a problem as the command line prints it: the message, the place and the hint, one line
 * each.
 *
 * Line breaks, control characters and invisible characters are escaped, since names in files may
 * contain them. They could otherwise control the terminal or imitate another line.
 *
 * @param problem The problem.
 * @returns The text, without a line break at the end.
 */
export function formatProblem(problem: Problem): string {
  return problemLines(problem).join("\n");
}

/**
 * Formats a problem like {@linkcode formatProblem}, as a list of lines.
 *
 * @param problem The problem.
 */
export function problemLines(problem: Problem): string[] {
  return formatted("error", problem);
}

/**
 * Formats several problems as a list of lines, with an empty line between problems.
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
 * Formats a warning as the command line prints it, like {@linkcode formatProblem}. A warning does
 * not end a run.
 *
 * @param problem The problem to warn about.
 * @returns The text, without a line break at the end.
 */
export function formatWarning(problem: Problem): string {
  return warningLines(problem).join("\n");
}

/**
 * Formats a warning like {@linkcode formatWarning}, as a list of lines.
 *
 * @param problem The problem to warn about.
 */
export function warningLines(problem: Problem): string[] {
  return formatted("warning", problem);
}

function formatted(kind: "error" | "warning", problem: Problem): string[] {
  notifyPrinted(problem);
  const lines = [`${kind}: ${problem.message}`];
  if (problem.place) lines.push(` --> ${formatPlace(problem.place)}`);
  if (problem.hint) lines.push(` hint: ${problem.hint}`);
  return lines.map(shortened).map(printable);
}

/**
 * Shortens texts without spaces that are much longer than usual paths, since they would hide the
 * rest of the message.
 */
function shortened(text: string): string {
  // A regular expression for words would exceed V8's stack for words of millions of characters.
  return text.split(" ")
    .map((word) => word.length < 500 ? word : `${word.slice(0, 200)}…${word.slice(-50)}`)
    .join(" ");
}
