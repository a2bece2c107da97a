/**
 * Sets the native engine up before a run that wants it, as the run itself may start no programs.
 * With `--retry`, the engine was asked for by name: a failure is told, and tried again.
 *
 * @module
 */

import { setUpNative } from "../../engine/native/set_up.ts";
import { nativeUnusable } from "../../engine/native/unusable.ts";
import { problemsLines, UserError } from "../../base/errors.ts";
import { say } from "../../base/terminal.ts";

const retry = Deno.args.includes("--retry");
try {
  await setUpNative({ report: (line) => say(line), retry });
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  // The run says itself why it goes on without, from what is remembered of this.
  if (retry) {
    say(problemsLines(nativeUnusable(error).problems));
  }
  Deno.exit(1);
}
