import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { quoted } from "../base/quoted.ts";

/** The message and hint for a permission that the process lacks. */
export interface MissingPermission {
  readonly message: string;
  readonly hint: string | undefined;
  readonly exitCode: 2;
}

/**
 * Turns Deno's error about a missing permission into a message that names the permission and the
 * flag that grants it.
 *
 * @param error The error that was thrown.
 * @returns The message, or undefined if neither the error nor its causes are a missing permission.
 */
export function missingPermission(error: unknown): MissingPermission | undefined {
  // An error may be its own cause.
  const seen = new Set<unknown>();
  for (let at = error; at instanceof Error && !seen.has(at); at = at.cause) {
    seen.add(at);
    if (!(at instanceof Deno.errors.NotCapable)) continue;
    const [, kind, of] = PATTERN.exec(at.message) ?? [];
    if (kind === undefined) return undefined;
    if (kind === "all") {
      // A file of someone else may name such a path: nobody should be told to grant everything.
      return {
        message:
          `${of} cannot be opened: paths that expose the system, such as in /proc and /dev, ` +
          "are not allowed",
        hint: undefined,
        exitCode: 2,
      };
    }
    return {
      message: `this process has no permission to ${deeds[kind] ?? kind} ${of ?? ""}`.trimEnd(),
      hint: hint(
        "permission/flag",
        `${wayTo(kind, of)}; --permissions prints all permissions that a pipeline needs`,
        { outside: "who starts the process gives it its permissions" },
      ),
      exitCode: 2,
    };
  }
}

/** Matches the messages of Deno. A path may contain quotes and line breaks. */
const PATTERN = /Requires (\w+) access(?: to "(.*)", (?:run again|specify))?/s;

/** How to grant a permission. The path is from an error of any code, so a shell may not read it. */
function wayTo(kind: string, of: string | undefined): string {
  if (of?.includes(",")) {
    return "name it in a permission set of a deno.json, since flags of Deno cannot contain a comma";
  }
  return `start it with deno run ${quoted(`--allow-${kind}${of ? `=${of}` : ""}`)}`;
}

/**
 * Calls a function. If Deno reports a missing permission, throws an error that names the permission
 * and the flag that grants it.
 *
 * @param body The function.
 * @returns The function's return value.
 * @throws {UserError} If a permission is missing. Other errors are passed on.
 */
export async function namingPermissions<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    const missing = missingPermission(error);
    if (!missing) throw error;
    const { message, hint, exitCode } = missing;
    throw new UserError(message, { hint, exitCode, cause: error });
  }
}

const deeds: Readonly<Record<string, string>> = {
  read: "read",
  write: "write",
  net: "reach",
  env: "read the environment variable",
  sys: "ask the system for",
  run: "run",
  ffi: "load the native code",
};
