import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";

/** What a person is told of a permission that a process lacks. */
export interface MissingPermission {
  readonly message: string;
  readonly hint: string;
  readonly exitCode: 2;
}

/**
 * What the process may not do, and the flag that would let it, from Deno's words.
 *
 * @param error What was thrown.
 * @returns Undefined if neither it nor what caused it is a missing permission.
 */
export function missingPermission(error: unknown): MissingPermission | undefined {
  // An error may be its own cause.
  const seen = new Set<unknown>();
  for (let at = error; at instanceof Error && !seen.has(at); at = at.cause) {
    seen.add(at);
    if (!(at instanceof Deno.errors.NotCapable)) continue;
    const [, kind, of] = /Requires (\w+) access(?: to "(.*?)")?/.exec(at.message) ?? [];
    if (kind === undefined) return undefined;
    return {
      message: `this process has no permission to ${deeds[kind] ?? kind} ${of ?? ""}`.trimEnd(),
      hint: hint(
        "permission/flag",
        // For what holds all of the system, such as /proc, Deno wants all permissions.
        `deno run needs --allow-${kind}${of && kind !== "all" ? `=${of}` : ""}; ` +
          "--permissions prints all that a pipeline needs",
        { outside: "who starts the process gives it its permissions" },
      ),
      exitCode: 2,
    };
  }
}

/**
 * Runs what a program asked for: a permission that the program lacks becomes an error that names
 * it.
 *
 * @param body What to run.
 * @returns What it returns.
 * @throws {UserError} If a permission is missing; all else that the body throws is thrown as it is.
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
  all: "use",
  read: "read",
  write: "write",
  net: "reach",
  env: "read the environment variable",
  sys: "ask the system for",
  run: "run",
  ffi: "load the native code",
};
