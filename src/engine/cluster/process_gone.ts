import { commandName } from "../../base/command_name.ts";
import { UserError, type UserErrorOptions } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { quoted } from "../../base/quoted.ts";

/** Thrown if another process of the cluster is gone. The exit code is 75. */
export class ProcessGone extends UserError {
  override name = "ProcessGone";

  /**
   * Creates the error.
   *
   * @param message Which process is gone.
   * @param options The hint, and the error of TensorFlow.
   */
  constructor(message: string, options: Pick<UserErrorOptions, "hint" | "cause"> = {}) {
    super(message, { ...options, exitCode: 75 });
  }
}

/**
 * Creates the error for processes that do not start.
 *
 * @param addresses Their addresses, as text.
 * @param minutes How long this process has waited for them.
 */
export function noAnswer(addresses: string, minutes: number): ProcessGone {
  return new ProcessGone(`no answer from ${addresses} in ${minutes} minutes`, {
    hint: hint(
      "cluster/start",
      "start all processes with the same command line, on hosts that reach each other",
      { outside: "the other processes have to be started" },
    ),
  });
}

/**
 * Adds to an error that the command has to be started again, because it has written nothing.
 *
 * @param error The error.
 */
export function repeatable({ message, cause }: ProcessGone): ProcessGone {
  return new ProcessGone(message, {
    hint: hint("cluster/again", "start all processes again with the same command line", {
      outside: "all processes have to be started again",
    }),
    cause,
  });
}

/**
 * Adds to an error how to continue the run.
 *
 * @param error The error.
 * @param out The run folder.
 */
export function resumable({ message, cause }: ProcessGone, out: string): ProcessGone {
  const text = `start all processes again with: ${commandName()} resume ${quoted(out)}`;
  return new ProcessGone(message, {
    hint: hint("cluster/gone", text, { outside: "all processes have to be started again" }),
    cause,
  });
}
