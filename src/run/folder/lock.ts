import { join } from "node:path";
import { type Holder, LOCK_FILE, takeFolder } from "../../base/files/folder_lock.ts";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { reasonOf } from "../../base/files/write_failure.ts";

/**
 * Locks a run folder for this process, as {@linkcode takeFolder} does.
 *
 * @param folder The run folder, which must exist.
 * @returns The lock, which is released when it is disposed of.
 * @throws {UserError} If another process holds the lock, which the message names, or if the lock's
 *   file can neither be opened nor replaced; exit code 2.
 */
export function lockRun(folder: string): Disposable {
  let taken: Disposable | Partial<Holder>;
  try {
    taken = takeFolder(folder);
  } catch (error) {
    throw blocked(join(folder, LOCK_FILE), error);
  }
  return Symbol.dispose in taken ? taken : refuse(folder, taken);
}

function blocked(path: string, cause: unknown): UserError {
  return new UserError(
    `the run cannot be locked, because ${path} cannot be opened: ${reasonOf(cause)}`,
    {
      hint: hint(
        "run/lock-file",
        "remove it, unless another process writes to the run folder: Rocket creates a file there",
        { outside: "it has to be removed" },
      ),
      exitCode: 2,
      cause,
    },
  );
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
