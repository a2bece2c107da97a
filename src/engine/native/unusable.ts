import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";

/**
 * Says that the native engine was asked for by name, and cannot be had here.
 *
 * @param error Why not.
 * @returns The error to throw, with what to do.
 */
export function nativeUnusable(error: unknown): UserError {
  const problem = error instanceof UserError ? error.problems[0] : undefined;
  const reason = error instanceof Error ? error.message : String(error);
  return new UserError(`the native engine cannot be used here: ${reason}`, {
    hint: problem?.hint ??
      hint("engine/wasm", "use `--engine wasm`, which works everywhere and is slower", {
        args: { replace: { native: "wasm" } },
      }),
    cause: error,
  });
}
