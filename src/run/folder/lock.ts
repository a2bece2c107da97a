import { join } from "node:path";
import { type Holder, LOCK_FILE, takeFolder } from "../../base/files/folder_lock.ts";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";

/**
 * Locks a run folder for this process, as {@linkcode takeFolder} does.
 *
 * @param folder The run folder, which must exist.
 * @returns The lock, which is released when it is disposed of.
 * @throws {UserError} If another process holds the lock, which the message names, or if a folder is
 *   in the place of the lock; exit code 2.
 */
export function lockRun(folder: string): Disposable {
  refuseFolder(join(folder, LOCK_FILE));
  const taken = takeFolder(folder);
  return Symbol.dispose in taken ? taken : refuse(folder, taken);
}

function refuseFolder(path: string): void {
  try {
    if (!Deno.lstatSync(path).isDirectory) return;
  } catch {
    return;
  }
  throw new UserError(`${path} is a folder, so that the run cannot be locked`, {
    hint: hint("run/lock-folder", "remove it: Rocket makes a file there", {
      outside: "the folder has to be removed",
    }),
    exitCode: 2,
  });
}

function refuse(folder: string, { pid, since }: Partial<Holder>): never {
  const who = [pid && `process ${pid}`, since && `since ${since}`].filter(Boolean).join(", ");
  throw new UserError(`the run folder ${folder} is in use by another run${who && ` (${who})`}`, {
    hint: hint("run/lock", "wait until that run has ended, or stop it, and then resume the run", {
      outside: "another process has to end",
    }),
    exitCode: 2,
  });
}
