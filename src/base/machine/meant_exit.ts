/**
 * Exit codes by which the launcher recognizes that a command ended as intended. Other code in the
 * process may end it at any time with any other exit code, such as 0.
 *
 * @module
 */

import { handed, handedOver } from "./system_file.ts";

/** The difference between an exit code of Rocket's and the one that the launcher receives. */
const OFFSET = 64;

/** The exit codes of a command. */
const codes: ReadonlySet<number> = new Set([0, 1, 2, 130]);

/**
 * The environment variable with which the launcher asks a command to mark its exit codes, that is,
 * to add an offset to them. A code without the offset shows that other code ended the process.
 */
export const markedExit: Readonly<Record<string, string>> = { [handedOver.exit]: "marked" };

/** Whether the launcher asks for marked exit codes; a server may no longer read this at its end. */
const isMarked = handed(handedOver.exit) !== undefined;

/**
 * Returns the exit code with which the process of a command ends: the exit code of the command,
 * plus an offset if the launcher asks for it.
 *
 * @param code The command's exit code.
 */
export const exitCodeOf = (code: number): number => isMarked ? code + OFFSET : code;

/**
 * Converts a marked exit code of a process back to the exit code of its command.
 *
 * @param marked The exit code of its process.
 * @returns The exit code; undefined if the process ended in another way.
 */
export function meantCode(marked: number): number | undefined {
  const code = marked - OFFSET;
  return codes.has(code) ? code : undefined;
}
