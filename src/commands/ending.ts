/**
 * Ensures that the command line's process ends with one of Rocket's exit codes, whatever a stage
 * does.
 *
 * @module
 */

import { type Problem, problemLines } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { exitCodeOf } from "../base/machine/meant_exit.ts";
import { say } from "../base/terminal.ts";

let isMeant = false;

/**
 * Ends the process at the end of a command. {@linkcode watchEnd} reports any other end as an error.
 *
 * @param code The exit code.
 */
export function endProcess(code: number): never {
  isMeant = true;
  Deno.exit(exitCodeOf(code));
}

/** Creates the problem that is printed if the process ended unexpectedly. */
export const endedByStage = (): Problem => ({
  message:
    "the process ended before the command was complete: a stage called Deno.exit(), or a promise never settled",
  hint: hint(
    "end/stage",
    "look for Deno.exit() and for promises that never settle in the pipeline's stages",
    {
      edit: "the stage",
    },
  ),
});

/**
 * Detects unexpected ends of the process. If a stage ends the process, or a promise never settles,
 * the command must not appear successful. Errors that no code handles are reported like others.
 *
 * @param report Prints an error and returns the exit code.
 */
export function watchEnd(report: (error: unknown) => number): void {
  globalThis.addEventListener("unload", () => {
    if (isMeant) return;
    say(problemLines(endedByStage()));
    endProcess(1);
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    endProcess(report(event.reason));
  });
  // Errors thrown in a timer or another callback.
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    endProcess(report(event.error));
  });
}
