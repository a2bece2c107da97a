import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { thrownMessage } from "../../base/printable.ts";

/**
 * Creates the error for a native engine that was requested by name but cannot be used here.
 *
 * @param error The reason.
 * @returns The error, with a hint.
 */
export function nativeUnusable(error: unknown): UserError {
  const problem = error instanceof UserError ? error.problems[0] : undefined;
  const reason = thrownMessage(error);
  return new UserError(`the native engine cannot be used here: ${reason}`, {
    hint: problem?.hint ??
      hint("engine/wasm", "use `--engine wasm`, which works everywhere and is slower", {
        args: { replace: { native: "wasm" } },
      }),
    cause: error,
  });
}
