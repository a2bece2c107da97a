import type { Problem } from "../errors.ts";
import { hint } from "../hints.ts";
import { inOneLine } from "../printable.ts";

/**
 * Describes an error of the operating system that refuses this user access to a file or folder,
 * which is neither a mistake in a file nor a bug in Rocket.
 *
 * @param error The error that was thrown.
 * @returns The problem, whose message names the file; undefined for any other error.
 */
export function deniedBySystem(error: unknown): Problem & { readonly exitCode: 1 } | undefined {
  if (!(error instanceof Deno.errors.PermissionDenied)) return undefined;
  return {
    message: `the system refuses access to a file or folder: ${inOneLine(error.message)}`,
    hint: hint(
      "fault/denied",
      "give your user the rights to use it, for example with chmod or chown, or use a copy",
      { outside: "the rights of a file have to change" },
    ),
    exitCode: 1,
  };
}
