/**
 * Exit codes by which the launcher recognizes that a command ended as intended. Other code in the
 * process may end it at any time with any other exit code, such as 0.
 *
 * @module
 */

import { handed, handedOver } from "./system_file.ts";

/** The exit codes of a command. */
const codes: readonly number[] = [0, 1, 2, 130, 75];

/** How many marks exist, and the smallest one. It is larger than the exit codes of Deno itself. */
const MARKS = 128, FIRST = 104;

/**
 * Read before other code runs in the process, which must not know the mark, and before a server
 * gives up the permission to read it.
 */
const mark = takeMark();

function takeMark(): number | undefined {
  const value = handed(handedOver.exit);
  if (value === undefined) return undefined;
  Deno.env.delete(handedOver.exit);
  return Number(value);
}

/**
 * The environment variable with which the launcher asks a command to mark its exit codes. A code
 * without the mark shows that other code ended the process.
 */
export const markVariable: string = handedOver.exit;

/**
 * Chooses at random the mark for the exit codes of a process: the value to set for the environment
 * variable {@linkcode markVariable}.
 */
export const newMark = (): string =>
  String(FIRST + crypto.getRandomValues(new Uint8Array(1))[0]! % MARKS);

let isTaken = false;

/**
 * Returns the function that converts the exit code of a command to the exit code with which its
 * process ends. If the launcher has given the process a secret number (a mark), the function adds
 * this number to the exit code, so that the launcher can recognize that the command itself ended
 * the process.
 *
 * The module that ends the process calls this function while it is loaded. The function throws an
 * error afterwards. Otherwise, a stage could use it to end the process as if the command were
 * complete.
 */
export function takeExitCodes(): (code: number) => number {
  if (isTaken) throw new Error("only Rocket's own modules end the process");
  isTaken = true;
  return markedCode;
}

function markedCode(code: number): number {
  if (mark === undefined) return code;
  // A loop, because code of a pipeline may replace the methods of arrays.
  for (let index = 0; index < codes.length; index++) if (codes[index] === code) return mark + index;
  // A plugin may throw an error with another exit code.
  return mark + 1;
}

/**
 * Converts the exit code of a command's process to the exit code that the command intended. The
 * process adds a secret number (a mark) to the exit code, so an exit code without the mark shows
 * that other code ended the process.
 *
 * @param marked The exit code of its process.
 * @param mark The mark that the process received.
 * @returns The exit code; undefined if the process ended in another way.
 */
export const meantCode = (marked: number, mark: string): number | undefined =>
  codes[marked - Number(mark)];
