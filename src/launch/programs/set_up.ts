/**
 * Sets up the native engine before a run that uses it, because the run may not start programs.
 * `--retry` means that the user chose the native engine explicitly. An earlier failure is then
 * retried, and a new failure is printed.
 *
 * @module
 */

import { programArguments } from "../program_arguments.ts";
import { setUpNative } from "../../engine/native/set_up.ts";
import { nativeUnusable } from "../../engine/native/unusable.ts";
import { problemsLines, UserError } from "../../base/errors.ts";
import { say } from "../../base/terminal.ts";

const retry = programArguments.includes("--retry");
try {
  await setUpNative({ report: (line) => say(line), retry });
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  // Without --retry, the run continues without the native engine and prints the reason, which is
  // stored.
  if (retry) {
    say(problemsLines(nativeUnusable(error).problems));
  }
  Deno.exit(1);
}
