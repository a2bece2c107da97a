/**
 * Ensures that the command line's process ends with one of Rocket's exit codes, whatever a stage
 * does.
 *
 * @module
 */

import { type Problem, problemLines } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { say } from "../base/terminal.ts";

let isMeant = false;

/**
 * Ends the process.
 *
 * @param code The exit code.
 */
export function endProcess(code: number): never {
  isMeant = true;
  Deno.exit(code);
}

/** What is told of an end that is not meant. */
export const endedByStage = (): Problem => ({
  message:
    "the process was ended before the command was done, by a stage or for want of anything to wait for",
  hint: hint(
    "end/stage",
    "look for Deno.exit() and for promises that nothing settles in the pipeline's stages",
    {
      edit: "the stage",
    },
  ),
});

/**
 * Sees to ends that are not meant: a stage that ends the process, or promises that nothing settles,
 * must not pass for a command that came to its end, and an error that nobody waited for is told
 * like any other.
 *
 * @param report Tells of an error, and gives the exit code.
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
