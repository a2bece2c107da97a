/**
 * Ensures that the command line's process ends with one of Rocket's exit codes, whatever a stage
 * does.
 *
 * @module
 */

import { type Problem, problemLines } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { takeExitCodes } from "../base/machine/meant_exit.ts";
import { say } from "../base/terminal.ts";

/** Deno's functions, since code of a pipeline may replace them. */
const exit: typeof Deno.exit = Deno.exit;
const { stopImmediatePropagation } = Event.prototype, { apply } = Reflect;

const exitCodeOf = takeExitCodes();

let isMeant = false, isTaken = false;

function endProcess(code: number): never {
  isMeant = true;
  exit(exitCodeOf(code));
}

/**
 * Returns the function that ends the process with one of Rocket's exit codes. Rocket's own modules
 * call `takeEnd()` while they are loaded; once {@linkcode watchEnd} has been called, `takeEnd()`
 * throws an error. Otherwise, a stage could use it to end the process as if the command were
 * complete.
 */
export function takeEnd(): typeof endProcess {
  if (isTaken) throw new Error("only Rocket's own modules end the process");
  return endProcess;
}

/** Creates the problem to print if the process ends before its command is complete. */
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
 * From now on, {@linkcode takeEnd} fails.
 *
 * @param report Prints an error and returns the exit code.
 */
export function watchEnd(report: (error: unknown) => number): void {
  isTaken = true;
  globalThis.addEventListener("unload", (event) => {
    // Listeners of a stage could change the exit code.
    if (isMeant) return apply(stopImmediatePropagation, event, []);
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
