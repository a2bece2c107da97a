import { printable } from "../base/printable.ts";
import { logLine } from "./log_line.ts";
import { Refusal } from "./rocket.ts";

/**
 * Runs what the launcher does, and prints the reason if it refuses.
 *
 * @param action What the launcher does.
 * @returns The exit code.
 */
export async function orRefused(action: () => Promise<number>): Promise<number> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    logLine(printable(`error: ${error.message}`));
    return error.exitCode;
  }
}
