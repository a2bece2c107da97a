import { tmpdir } from "node:os";
import { join } from "node:path";
import { grantedVariables } from "../launch/granted_within.ts";
import { launcherCommand } from "../launch/launcher_command.ts";

/** The command that starts a part of a sweep: the check, a run, or the measurement of latencies. */
export interface PartStart {
  /** The arguments for Deno. */
  readonly command: readonly string[];
  /** Environment variables that are added to those of this process. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Determines how to start Deno for a part of a sweep: the check of all runs, a run, or the
 * measurement of latencies. The launcher gives each part the permissions that it needs. It rejects a
 * part that needs more permissions than the check, because only the permissions of the check were
 * shown to the user.
 *
 * @param args The arguments of the part's command line.
 * @param isCheck Whether the part is the check, which is the first one.
 */
export function startOfPart(args: readonly string[], isCheck: boolean): PartStart {
  // The launcher of this process created this folder and removes it. Parts cannot write to it.
  const name = isCheck ? grantedVariables.keep : grantedVariables.within;
  return { command: launcherCommand(args), env: { [name]: join(tmpdir(), "granted.json") } };
}
