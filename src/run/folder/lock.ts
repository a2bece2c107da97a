import { type Holder, takeFolder } from "../../base/files/folder_lock.ts";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";

/**
 * Takes a run folder for this run, as {@linkcode takeFolder}.
 *
 * @param folder The run folder; it is there.
 * @returns What gives the folder back when it is disposed of.
 * @throws {UserError} If another run has it, with its process; exit code 2.
 */
export function lockRun(folder: string): Disposable {
  const taken = takeFolder(folder);
  return Symbol.dispose in taken ? taken : refuse(folder, taken);
}

function refuse(folder: string, { pid, since }: Partial<Holder>): never {
  const who = [pid && `process ${pid}`, since && `since ${since}`].filter(Boolean).join(", ");
  throw new UserError(`the run folder ${folder} is written by another run${who && ` (${who})`}`, {
    hint: hint("run/lock", "wait until it has ended, or end it, and resume the run then", {
      outside: "another process has to end",
    }),
    exitCode: 2,
  });
}
