import { inOneLine } from "../base/printable.ts";

/** The address of Rocket's folder, with which the addresses of its modules start. */
const root = new URL("../../", import.meta.url).href;

/**
 * Describes an unexpected error for the server's log by its kind and its place in Rocket's code. Its
 * message is left out, because it may contain text of a client.
 *
 * @param error What was thrown.
 *
 * @example
 * ```ts
 * import { faultLine } from "./fault_line.ts";
 * import { assertMatch } from "@std/assert";
 *
 * assertMatch(faultLine(new RangeError("text of a client")), /^a request has failed \(RangeError/);
 * ```
 */
export function faultLine(error: unknown): string {
  let first = error;
  while (first instanceof Error && first.cause instanceof Error) first = first.cause;
  const kind = first instanceof Error && /^\w{1,40}$/.test(first.name) ? first.name : "unknown";
  const place = first instanceof Error ? placeOf(first) : undefined;
  return inOneLine(
    `a request has failed (${kind}${
      place === undefined ? "" : ` at ${place}`
    }); the error's message is not shown, because it may contain text of the request`,
  );
}

/** Returns the module and line of Rocket's code where an error was created. */
function placeOf({ stack = "", message }: Error): string | undefined {
  // The stack starts with the name and the message, which may contain anything.
  const start = stack.lastIndexOf(message);
  const frames = start < 0 ? "" : stack.slice(start + message.length);
  for (const line of frames.split("\n")) {
    const at = line.indexOf(root);
    if (at < 0) continue;
    return /^[\w./-]+:\d+/.exec(line.slice(at + root.length))?.[0];
  }
  return undefined;
}
