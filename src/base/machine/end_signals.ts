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
