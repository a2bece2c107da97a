/**
 * The signals that ask a process to end. This module imports no packages.
 *
 * @module
 */

/** The name of an operating system, as Deno reports it. */
export type OperatingSystem = typeof Deno.build.os;

/**
 * Returns the signals that ask a process to end: Ctrl-C and, on Windows, Ctrl-Break, since Windows
 * has no SIGTERM.
 *
 * @param os The operating system; this one by default.
 */
export function endSignals(os: OperatingSystem = Deno.build.os): readonly Deno.Signal[] {
  return os === "windows" ? ["SIGINT", "SIGBREAK"] : ["SIGINT", "SIGTERM"];
}

/**
 * The signal that a process receives when its terminal is closed. It is not one of
 * {@linkcode endSignals}, because a process that was started with `nohup` ignores it. Windows has
 * no such signal.
 */
export const HANGUP = "SIGHUP" satisfies Deno.Signal;

/**
 * Checks whether a signal is one that asks a process to end, so that its end is not an error.
 *
 * @param signal The signal that ended a process.
 */
export const asksToEnd = (signal: Deno.Signal): boolean =>
  signal === HANGUP || endSignals().includes(signal);
